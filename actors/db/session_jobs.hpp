// What the asynchronous interface asks of a blocking session, as jobs of its lane.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/database/bulk_statement.hpp"
#include "runtime/database/database_access.hpp"
#include "runtime/database/value_bytes.hpp"
#include "runtime/services/database_job.hpp"

namespace troupe {

[[nodiscard]] inline error told_by(const sql_statement& s, error e) {
  e.context = s.name() + ": " + e.context;
  return e;
}

/// Statements that share the fate of one job; a batch may hold many such jobs.
class calls_job final : public database_job {
 public:
  calls_job(std::vector<sql_call> calls, bool writes, time_point deadline, sql_results_callback done)
      : database_job(deadline), calls_(std::move(calls)), writes_(writes), done_(std::move(done)) {
    for (const auto& c : calls_) bytes_ += sizeof(c) + bytes_of_values(c.values);
  }

  bool writes() const noexcept override { return writes_; }
  std::size_t bytes() const noexcept override { return sizeof(*this) + bytes_; }

  expected<void> run(database_session& session, const batch_times&) override {
    results_.clear();
    results_.reserve(calls_.size());
    session.limit(deadline());
    for (const auto& c : calls_) {
      auto result = session.run(c.statement.text(), c.values);
      if (!result) {
        session.limit(time_point::max());
        return tl::unexpected(told_by(c.statement, std::move(result.error())));
      }
      results_.push_back(std::move(*result));
    }
    session.limit(time_point::max());
    return {};
  }

  void done(expected<void> outcome) override {
    if (outcome) return done_(std::move(results_));
    done_(tl::unexpected(std::move(outcome.error())));
  }

 private:
  const std::vector<sql_call> calls_;
  const bool writes_;
  const sql_results_callback done_;
  std::size_t bytes_ = 0;
  std::vector<sql_result> results_;
};

/// One step of what reserves a lane: what it does, whether the lane is kept after it, and who is told.
class reserved_job final : public database_job {
 public:
  using work = std::function<expected<sql_result>(database_session&)>;
  using keep = std::function<bool(const expected<sql_result>&)>;

  reserved_job(std::uint64_t reservation, time_point deadline, work w, keep k, sql_callback done, std::size_t bytes = 0)
      : database_job(deadline),
        reservation_(reservation),
        bytes_(bytes),
        work_(std::move(w)),
        keep_(std::move(k)),
        done_(std::move(done)) {}

  bool writes() const noexcept override { return true; }
  std::uint64_t reservation() const noexcept override { return reservation_; }
  bool keeps_lane() const noexcept override { return kept_; }
  std::size_t bytes() const noexcept override { return sizeof(*this) + bytes_; }

  expected<void> run(database_session& session, const batch_times&) override {
    session.limit(deadline());
    result_ = work_(session);
    session.limit(time_point::max());
    kept_ = keep_(*result_);
    if (!*result_) return tl::unexpected(result_->error());
    return {};
  }

  void done(expected<void> outcome) override {
    if (outcome) return done_(std::move(*result_));
    done_(tl::unexpected(std::move(outcome.error())));
  }

 private:
  const std::uint64_t reservation_;
  const std::size_t bytes_;
  const work work_;
  const keep keep_;
  const sql_callback done_;
  std::optional<expected<sql_result>> result_;
  bool kept_ = false;
};

/// All rows of a source in one transaction. The source is asked on the worker.
class bulk_job final : public database_job {
 public:
  bulk_job(std::uint64_t reservation, bulk_target into, std::string text, row_source source, time_point deadline,
           count_callback done)
      : database_job(deadline),
        reservation_(reservation),
        into_(std::move(into)),
        text_(std::move(text)),
        source_(std::move(source)),
        done_(std::move(done)) {}

  bool writes() const noexcept override { return true; }
  std::uint64_t reservation() const noexcept override { return reservation_; }

  expected<void> run(database_session& session, const batch_times&) override {
    session.limit(deadline());
    auto outcome = insert(session);
    session.limit(time_point::max());
    if (!outcome) session.rollback();
    return outcome;
  }

  void done(expected<void> outcome) override {
    if (outcome) return done_(rows_);
    done_(tl::unexpected(std::move(outcome.error())));
  }

 private:
  expected<void> insert(database_session& session) {
    if (auto begun = session.begin(db_access::write); !begun) return begun;
    for (;;) {
      if (time_point(std::chrono::steady_clock::now()) >= deadline())
        return fail(errc::deadline_exceeded, "the rows took too long");
      const auto rows = source_();
      if (rows.empty()) break;
      for (const auto& row : rows) {
        if (auto fits = check_bulk_row(into_, row, rows_); !fits) return fits;
        if (auto written = session.run(text_, row); !written) return tl::unexpected(bulk_error(written.error(), rows_));
        ++rows_;
      }
    }
    return session.commit();
  }

  const std::uint64_t reservation_;
  const bulk_target into_;
  const std::string text_;
  const row_source source_;
  const count_callback done_;
  std::uint64_t rows_ = 0;
};

}  // namespace troupe
