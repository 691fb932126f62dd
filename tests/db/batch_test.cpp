// Group commit: one transaction for many jobs, and who fails when something in it does.
#include "runtime/services/batch.hpp"

#include <gtest/gtest.h>

#include "gateways/db/sqlite_driver.hpp"
#include "tests/db/faulty_driver.hpp"
#include "tests/db/plain_job.hpp"
#include "tests/db/temporary_directory.hpp"

namespace troupe {
namespace {

class batch_test : public testing::Test {
 protected:
  void SetUp() override {
    faulty_driver driver(std::make_shared<sqlite_driver>(sqlite_driver::settings{
                             directory_.path(), std::chrono::milliseconds(1), sqlite_synchronous::normal}),
                         faults_);
    session_ = std::move(*driver.open("batch"));
    ASSERT_TRUE(session_->run("CREATE TABLE t(id INTEGER PRIMARY KEY, parent INTEGER REFERENCES t(id))", {}));
  }

  void writing(std::string sql) { add(true, plain_job::statement(std::move(sql))); }
  void reading() {
    add(false, [this](database_session& s) -> expected<void> {
      auto rows = s.run("SELECT count(*) FROM t", {});
      if (!rows) return tl::unexpected(rows.error());
      counted_.push_back(std::get<std::int64_t>(rows->rows[0][0]));
      return {};
    });
  }
  void add(bool writes, plain_job::work work) {
    jobs_.push_back(std::make_shared<plain_job>(writes, std::move(work), [](expected<void>) {}));
  }
  batch_outcome run() { return run_batch(*session_, jobs_, {}); }
  std::vector<errc> codes(const batch_outcome& o) {
    std::vector<errc> list;
    for (const auto& r : o.of_jobs) list.push_back(r ? errc::ok : r.error().code);
    return list;
  }
  std::int64_t count() { return std::get<std::int64_t>(session_->run("SELECT count(*) FROM t", {})->rows[0][0]); }

  temporary_directory directory_;
  faults faults_;
  std::unique_ptr<database_session> session_;
  std::vector<std::shared_ptr<database_job>> jobs_;
  std::vector<std::int64_t> counted_;
};

TEST_F(batch_test, commits_all_jobs_at_once_and_reads_see_the_writes_before_them) {
  reading();
  writing("INSERT INTO t(id) VALUES(1)");
  reading();
  writing("INSERT INTO t(id) VALUES(2)");
  reading();
  const auto outcome = run();
  EXPECT_EQ(codes(outcome), std::vector<errc>(5, errc::ok));
  EXPECT_TRUE(outcome.committed_writes);
  EXPECT_EQ(faults_.commits, 1);
  EXPECT_EQ(counted_, (std::vector<std::int64_t>{0, 1, 2}));
  EXPECT_EQ(count(), 2);
}

TEST_F(batch_test, a_job_that_fails_is_undone_alone) {
  writing("INSERT INTO t(id) VALUES(1)");
  add(true, [](database_session& s) -> expected<void> {
    (void)s.run("INSERT INTO t(id) VALUES(2)", {});
    return fail(errc::condition_failed, "changed its mind");
  });
  writing("INSERT INTO t(id) VALUES(1)");
  writing("INSERT INTO t(id) VALUES(3)");
  const auto outcome = run();
  EXPECT_EQ(codes(outcome), (std::vector<errc>{errc::ok, errc::condition_failed, errc::already_exists, errc::ok}));
  EXPECT_FALSE(outcome.storage_error);
  EXPECT_EQ(count(), 2);
}

TEST_F(batch_test, a_lone_job_that_fails_leaves_nothing) {
  add(true, [](database_session& s) -> expected<void> {
    (void)s.run("INSERT INTO t(id) VALUES(2)", {});
    return fail(errc::condition_failed, "changed its mind");
  });
  EXPECT_EQ(codes(run()), (std::vector<errc>{errc::condition_failed}));
  EXPECT_EQ(count(), 0);
  EXPECT_TRUE(session_->begin(db_access::write));  // no transaction was left open
}

TEST_F(batch_test, a_failed_commit_fails_every_write_and_no_read) {
  faults_.commit = errc::storage_failed;
  writing("INSERT INTO t(id) VALUES(1)");
  reading();
  writing("INSERT INTO t(id) VALUES(2)");
  const auto outcome = run();
  EXPECT_EQ(codes(outcome), (std::vector<errc>{errc::storage_failed, errc::ok, errc::storage_failed}));
  ASSERT_TRUE(outcome.storage_error);
  EXPECT_EQ(outcome.storage_error->code, errc::storage_failed);
  EXPECT_FALSE(outcome.committed_writes);
  EXPECT_EQ(counted_, (std::vector<std::int64_t>{1, 0})) << "the read ran again without the lost write";
  EXPECT_EQ(count(), 0);
}

TEST_F(batch_test, a_storage_error_inside_a_job_fails_the_batch) {
  writing("INSERT INTO t(id) VALUES(1)");
  add(true, [](database_session&) -> expected<void> { return fail(errc::storage_failed, "full"); });
  EXPECT_EQ(codes(run()), (std::vector<errc>{errc::storage_failed, errc::storage_failed}));
  EXPECT_EQ(count(), 0);
}

TEST_F(batch_test, an_unknown_commit_is_told_as_such) {
  faults_.lose_answer = true;
  writing("INSERT INTO t(id) VALUES(1)");
  EXPECT_EQ(codes(run()), (std::vector<errc>{errc::outcome_unknown}));
}

TEST_F(batch_test, jobs_that_were_committed_one_by_one_stay_decided_when_the_storage_fails_after_them) {
  ASSERT_TRUE(session_->run(
      "CREATE TABLE later(id INTEGER, parent INTEGER REFERENCES t(id) DEFERRABLE INITIALLY DEFERRED)", {}));
  writing("INSERT INTO t(id) VALUES(1)");
  writing("INSERT INTO later VALUES(1, 99)");  // spoils the commit of all: each runs by itself then
  writing("INSERT INTO t(id) VALUES(3)");
  faults_.commits_left = 3;  // of the whole, of the first, of the second; the third's breaks
  const auto outcome = run();
  EXPECT_EQ(codes(outcome), (std::vector<errc>{errc::ok, errc::missing_reference, errc::unavailable}));
  EXPECT_EQ(outcome.decided, 2u);
  EXPECT_TRUE(outcome.committed_writes);
  EXPECT_EQ(count(), 1);
}

TEST_F(batch_test, reads_alone_take_no_write_lock_and_fail_one_by_one) {
  faults_.write = errc::storage_failed;
  reading();
  add(false, plain_job::statement("SELECT nonsense FROM t"));
  reading();
  const auto outcome = run();
  EXPECT_EQ(codes(outcome), (std::vector<errc>{errc::ok, errc::invalid_argument, errc::ok}));
  EXPECT_FALSE(outcome.storage_error);
  EXPECT_EQ(counted_.size(), 2u);
}

TEST_F(batch_test, nothing_to_do_is_nothing_done) {
  const auto outcome = run();
  EXPECT_TRUE(outcome.of_jobs.empty());
  EXPECT_FALSE(outcome.storage_error);
}

}  // namespace
}  // namespace troupe
