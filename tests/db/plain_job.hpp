// A database_job made of two functions.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "runtime/services/database_job.hpp"

namespace troupe {

class plain_job final : public database_job {
 public:
  using work = std::function<expected<void>(database_session&)>;
  using outcome_callback = std::function<void(expected<void>)>;

  plain_job(bool writes, work w, outcome_callback done, time_point deadline = time_point::max())
      : database_job(deadline), writes_(writes), work_(std::move(w)), done_(std::move(done)) {}

  bool writes() const noexcept override { return writes_; }
  expected<void> run(database_session& session, const batch_times&) override { return work_(session); }
  void done(expected<void> outcome) override { done_(std::move(outcome)); }

  /// Runs one statement without parameters.
  static work statement(std::string sql) {
    return [sql = std::move(sql)](database_session& s) -> expected<void> {
      auto result = s.run(sql, {});
      if (!result) return tl::unexpected(result.error());
      return {};
    };
  }

 private:
  const bool writes_;
  const work work_;
  const outcome_callback done_;
};

}  // namespace troupe
