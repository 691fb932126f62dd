// A driver around another one that fails on command: what a full or broken disk looks like from above.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "runtime/services/database_driver.hpp"

namespace troupe {

struct faults {
  std::atomic<errc> write{errc::ok};     // of begin(write) and probe
  std::atomic<errc> open{errc::ok};      // of the driver
  std::atomic<errc> commit{errc::ok};    // before anything was committed
  std::atomic<bool> lose_answer{false};  // the commit succeeds and is reported as outcome_unknown
  std::atomic<int> commits_left{-1};     // then one is refused as unavailable, as if the connection had broken
  std::atomic<bool> shared{false};       // other nodes use the same namespaces
  std::atomic<int> opened{0};
  std::atomic<int> commits{0};  // of write transactions
};

class faulty_session final : public database_session {
 public:
  faulty_session(std::unique_ptr<database_session> inner, faults& f) : inner_(std::move(inner)), faults_(f) {}

  expected<db_result> run(std::string_view sql, const db_row& parameters) override {
    return inner_->run(sql, parameters);
  }
  expected<void> begin(db_access access) override {
    if (access == db_access::write && faults_.write != errc::ok) return fail(faults_.write, "the disk is full");
    return inner_->begin(access);
  }
  expected<void> commit() override {
    if (faults_.commits_left >= 0 && faults_.commits_left-- == 0) {
      inner_->rollback();
      return fail(errc::unavailable, "the connection broke");
    }
    if (faults_.commit != errc::ok) {
      inner_->rollback();
      return fail(faults_.commit, "the disk is full");
    }
    auto done = inner_->commit();
    if (done) ++faults_.commits;
    if (done && faults_.lose_answer) return fail(errc::outcome_unknown, "the disk did not answer");
    return done;
  }
  void rollback() noexcept override { inner_->rollback(); }
  expected<void> savepoint() override { return inner_->savepoint(); }
  expected<void> release() override { return inner_->release(); }
  expected<void> rollback_to_savepoint() override { return inner_->rollback_to_savepoint(); }
  expected<void> migrate(const std::vector<migration>& m, const std::optional<fenced>& right) override {
    return inner_->migrate(m, right);
  }
  void limit(time_point deadline) noexcept override { inner_->limit(deadline); }
  bool in_transaction() const noexcept override { return inner_->in_transaction(); }
  expected<void> open_cursor(std::string_view sql, const db_row& parameters) override {
    return inner_->open_cursor(sql, parameters);
  }
  expected<db_result> fetch(std::size_t rows_max) override { return inner_->fetch(rows_max); }
  void close_cursor() noexcept override { inner_->close_cursor(); }
  expected<void> backup(const std::string& file, const std::function<bool()>& go_on) override {
    return inner_->backup(file, go_on);
  }
  expected<void> reset(const std::optional<fenced>& right) override { return inner_->reset(right); }
  expected<void> begin_change(const std::optional<fenced>& right) override { return inner_->begin_change(right); }
  expected<void> run_script(const std::string& sql) override { return inner_->run_script(sql); }
  expected<void> probe() override {
    if (faults_.write != errc::ok) return fail(faults_.write, "the disk is full");
    return inner_->probe();
  }

 private:
  std::unique_ptr<database_session> inner_;
  faults& faults_;
};

class faulty_driver final : public database_driver {
 public:
  faulty_driver(std::shared_ptr<database_driver> inner, faults& f) : inner_(std::move(inner)), faults_(f) {}

  expected<std::unique_ptr<database_session>> open(const std::string& name_space) override {
    if (faults_.open != errc::ok) return fail(faults_.open, "the disk is away");
    auto session = inner_->open(name_space);
    if (!session) return session;
    ++faults_.opened;
    return std::unique_ptr<database_session>(std::make_unique<faulty_session>(std::move(*session), faults_));
  }
  expected<std::unique_ptr<database_session>> open_reader(const std::string& name_space) override {
    return inner_->open_reader(name_space);
  }
  std::string_view name() const noexcept override { return "faulty"; }
  bool shared() const noexcept override { return faults_.shared; }
  sql_dialect dialect() const noexcept override { return inner_->dialect(); }

 private:
  const std::shared_ptr<database_driver> inner_;
  faults& faults_;
};

}  // namespace troupe
