// The pool of threads: what a caller is told, in which order, and what stop, a full queue and a full disk do.
#include "actors/db/database_pool.hpp"

#include <gtest/gtest.h>

#include "gateways/db/sqlite_driver.hpp"
#include "tests/db/awaited.hpp"
#include "tests/db/faulty_driver.hpp"
#include "tests/db/plain_job.hpp"
#include "tests/db/temporary_directory.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

const std::vector<migration> schema = {{1, "t", "CREATE TABLE t(id INTEGER PRIMARY KEY)"}};

class database_pool_test : public testing::Test {
 protected:
  database_pool::settings settings_{.threads = 2, .lanes = {.queue_max = 8}};
  temporary_directory directory_;
  faults faults_;
  std::atomic<std::int64_t> now_ms_{1000};
  std::unique_ptr<database_pool> pool_;
  lane_id lane_ = 0;

  void make_pool() {
    pool_ = std::make_unique<database_pool>(
        std::make_shared<faulty_driver>(std::make_shared<sqlite_driver>(sqlite_driver::settings{
                                            directory_.path(), 1ms, sqlite_synchronous::normal}),
                                        faults_),
        settings_, [this] {
          const std::chrono::milliseconds now(now_ms_.load());
          return batch_times{time_point(now), wall_time(now)};
        });
    auto opened = pool_->open("pool", schema);
    ASSERT_TRUE(opened) << opened.error().context;
    lane_ = *opened;
  }
  void SetUp() override { make_pool(); }

  using outcome = awaited<expected<void>>;

  void submit(bool writes, plain_job::work w, const outcome& o, time_point deadline = time_point::max()) {
    pool_->submit(lane_, std::make_shared<plain_job>(writes, std::move(w), o.callback(), deadline));
  }
  void insert(int id, const outcome& o, time_point deadline = time_point::max()) {
    submit(true, plain_job::statement("INSERT INTO t(id) VALUES(" + std::to_string(id) + ")"), o, deadline);
  }
  expected<void> insert_now(int id) {
    outcome o;
    insert(id, o);
    return o.get();
  }
  std::int64_t count() {
    std::int64_t n = -1;
    outcome o;
    submit(
        false,
        [&n](database_session& s) -> expected<void> {
          auto rows = s.run("SELECT count(*) FROM t", {});
          if (!rows) return tl::unexpected(rows.error());
          n = std::get<std::int64_t>(rows->rows[0][0]);
          return {};
        },
        o);
    EXPECT_TRUE(o.get());
    return n;
  }
  void tick_after(std::chrono::milliseconds d) {
    now_ms_ += d.count();
    pool_->tick();
  }

  // Occupies the lane until released.
  struct blocker {
    awaited<bool> started;
    std::promise<void> release;
    outcome done;
  };
  void block(blocker& b) {
    submit(
        false,
        [report = b.started.callback(), go = b.release.get_future().share()](database_session&) -> expected<void> {
          report(true);
          go.wait();
          return {};
        },
        b.done);
    ASSERT_TRUE(b.started.get());
  }
};

TEST_F(database_pool_test, commits_waiting_jobs_together_and_answers_in_order) {
  std::vector<int> order;
  std::vector<outcome> outcomes(5);
  for (int i = 0; i < 5; ++i) {
    auto report = outcomes[i].callback();
    pool_->submit(lane_, std::make_shared<plain_job>(
                             true, plain_job::statement("INSERT INTO t(id) VALUES(" + std::to_string(i) + ")"),
                             [&order, i, report](expected<void> o) {
                               order.push_back(i);
                               report(std::move(o));
                             }));
  }
  pool_->start();
  for (auto& o : outcomes) EXPECT_TRUE(o.get());
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
  EXPECT_EQ(faults_.commits, 1);
  EXPECT_EQ(pool_->counted().batches, 1u);
  EXPECT_EQ(pool_->counted().jobs, 5u);
}

TEST_F(database_pool_test, a_blocked_namespace_does_not_hold_up_another) {
  auto other = pool_->open("other", schema);
  ASSERT_TRUE(other);
  pool_->start();
  blocker b;
  block(b);
  outcome elsewhere;
  pool_->submit(*other, std::make_shared<plain_job>(true, plain_job::statement("INSERT INTO t(id) VALUES(1)"),
                                                    elsewhere.callback()));
  EXPECT_TRUE(elsewhere.get());
  b.release.set_value();
  EXPECT_TRUE(b.done.get());
}

TEST_F(database_pool_test, a_full_queue_refuses_at_once) {
  std::vector<outcome> outcomes(8);
  for (int i = 0; i < 8; ++i) insert(i, outcomes[i]);
  outcome refused;
  insert(8, refused);
  ASSERT_TRUE(refused.ready());
  EXPECT_EQ(refused.get().error().code, errc::unavailable);
  EXPECT_EQ(pool_->counted().refused, 1u);
  pool_->start();
  for (auto& o : outcomes) EXPECT_TRUE(o.get());
}

TEST_F(database_pool_test, a_job_that_waits_too_long_is_answered_and_never_run) {
  pool_->start();
  blocker b;
  block(b);
  outcome late;
  insert(1, late, time_point(1050ms));
  tick_after(49ms);
  EXPECT_FALSE(late.ready());
  tick_after(1ms);
  ASSERT_TRUE(late.ready());
  EXPECT_EQ(late.get().error().code, errc::deadline_exceeded);
  EXPECT_EQ(pool_->counted().expired, 1u);
  b.release.set_value();
  EXPECT_EQ(count(), 0);
}

TEST_F(database_pool_test, stop_ends_the_running_batch_and_refuses_the_rest) {
  pool_->start();
  blocker b;
  block(b);
  outcome waiting;
  insert(1, waiting);
  std::thread stopper([this] { pool_->stop(); });
  EXPECT_EQ(waiting.get().error().code, errc::unavailable);
  EXPECT_FALSE(b.done.ready());
  b.release.set_value();
  stopper.join();
  EXPECT_TRUE(b.done.get());
  EXPECT_EQ(insert_now(2).error().code, errc::unavailable);
  pool_->stop();  // again: nothing happens
}

TEST_F(database_pool_test, stop_before_start_answers_everyone) {
  outcome waiting;
  insert(1, waiting);
  pool_->stop();
  EXPECT_EQ(waiting.get().error().code, errc::unavailable);
}

TEST_F(database_pool_test, a_full_disk_is_told_and_probed_each_second_until_it_heals) {
  std::vector<bool> changes;
  awaited<bool> healed;
  pool_->health().on_change([&changes, report = healed.callback()](const database_status& s) {
    changes.push_back(s.ok);
    if (s.ok) report(true);
  });
  pool_->start();
  EXPECT_TRUE(insert_now(1));
  faults_.write = errc::storage_failed;
  EXPECT_EQ(insert_now(2).error().code, errc::storage_failed);
  EXPECT_EQ(insert_now(3).error().code, errc::storage_failed);
  const auto status = pool_->health().read();
  EXPECT_FALSE(status.ok);
  EXPECT_EQ(status.since, wall_time(1000ms));
  EXPECT_NE(status.reason.find("pool"), std::string::npos);
  EXPECT_NE(status.reason.find("the disk is full"), std::string::npos);
  EXPECT_EQ(count(), 1) << "reads go on";
  tick_after(1000ms);  // the probe fails
  EXPECT_EQ(count(), 1);
  EXPECT_FALSE(pool_->health().read().ok);
  faults_.write = errc::ok;
  tick_after(999ms);  // no probe yet
  EXPECT_FALSE(healed.ready());
  tick_after(1ms);
  EXPECT_TRUE(healed.get());
  EXPECT_TRUE(pool_->health().read().ok);
  EXPECT_TRUE(pool_->health().read().reason.empty());
  EXPECT_TRUE(insert_now(2));
  EXPECT_EQ(changes, (std::vector<bool>{false, true}));
}

TEST_F(database_pool_test, a_failed_commit_acknowledges_nothing) {
  faults_.commit = errc::storage_failed;
  std::vector<outcome> outcomes(3);
  for (int i = 0; i < 3; ++i) insert(i, outcomes[i]);
  pool_->start();
  for (auto& o : outcomes) EXPECT_EQ(o.get().error().code, errc::storage_failed);
  faults_.commit = errc::ok;
  EXPECT_EQ(count(), 0);
  EXPECT_EQ(pool_->counted().failed_batches, 1u);
}

TEST_F(database_pool_test, after_an_unknown_commit_the_database_is_opened_anew) {
  pool_->start();
  faults_.lose_answer = true;
  EXPECT_EQ(insert_now(1).error().code, errc::outcome_unknown);
  faults_.lose_answer = false;
  EXPECT_EQ(count(), 1);  // this time it had been committed
  EXPECT_EQ(faults_.opened, 2);
}

TEST_F(database_pool_test, a_storage_that_is_away_at_the_start_is_tried_again) {
  pool_.reset();
  faults_.open = errc::storage_failed;
  make_pool();
  EXPECT_FALSE(pool_->health().read().ok);
  awaited<bool> healed;
  pool_->health().on_change([report = healed.callback()](const database_status& s) {
    if (s.ok) report(true);
  });
  pool_->start();
  EXPECT_EQ(insert_now(1).error().code, errc::storage_failed);
  faults_.open = errc::ok;
  tick_after(1000ms);
  EXPECT_TRUE(healed.get());
  EXPECT_TRUE(insert_now(1));
}

TEST_F(database_pool_test, refuses_a_namespace_that_no_waiting_will_heal) {
  EXPECT_EQ(pool_->open("No Name", schema).error().code, errc::invalid_argument);
  auto changed = schema;
  changed[0].sql = "CREATE TABLE t(other TEXT)";
  EXPECT_EQ(pool_->open("pool", changed).error().code, errc::bad_config);
  faults_.open = errc::corrupt;
  EXPECT_EQ(pool_->open("damaged", schema).error().code, errc::corrupt);
}

TEST_F(database_pool_test, many_threads_submit_and_every_job_is_answered_once) {
  static constexpr int threads = 4;
  static constexpr int jobs = 500;
  pool_.reset();
  settings_.lanes.queue_max = threads * jobs;
  make_pool();
  pool_->start();
  std::atomic<int> answers{0};
  awaited<bool> all;
  std::vector<std::thread> callers;
  for (int t = 0; t < threads; ++t) {
    callers.emplace_back([&, t, report = all.callback()] {
      for (int i = 0; i < jobs; ++i) {
        const int id = t * jobs + i;
        pool_->submit(lane_, std::make_shared<plain_job>(
                                 true, plain_job::statement("INSERT INTO t(id) VALUES(" + std::to_string(id) + ")"),
                                 [&answers, report](expected<void> o) {
                                   if (o && ++answers == threads * jobs) report(true);
                                 }));
      }
    });
  }
  for (auto& c : callers) c.join();
  EXPECT_TRUE(all.get());
  EXPECT_EQ(count(), threads * jobs);
}

TEST_F(database_pool_test, jobs_that_were_committed_before_a_connection_broke_run_once) {
  faults_.shared = true;
  outcome made;
  submit(true, plain_job::statement("CREATE TABLE log(id INTEGER)"), made);
  outcome child;
  submit(true,
         plain_job::statement(
             "CREATE TABLE later(id INTEGER, parent INTEGER REFERENCES t(id) DEFERRABLE INITIALLY DEFERRED)"),
         child);
  pool_->start();
  ASSERT_TRUE(made.get());
  ASSERT_TRUE(child.get());
  blocker b;
  block(b);
  outcome first, spoils, third;
  submit(true, plain_job::statement("INSERT INTO log VALUES(1)"), first);
  submit(true, plain_job::statement("INSERT INTO later VALUES(1, 99)"), spoils);
  submit(true, plain_job::statement("INSERT INTO log VALUES(3)"), third);
  faults_.commits_left = 3;  // of all together, of the first, of the second; the third's breaks
  b.release.set_value();
  EXPECT_TRUE(first.get());
  EXPECT_EQ(spoils.get().error().code, errc::missing_reference);
  EXPECT_TRUE(third.get()) << "on the new connection";
  std::int64_t rows = 0;
  outcome counted;
  submit(
      false,
      [&rows](database_session& s) -> expected<void> {
        rows = *s.run("SELECT count(*) FROM log", {})->get<std::int64_t>(0, 0);
        return {};
      },
      counted);
  ASSERT_TRUE(counted.get());
  EXPECT_EQ(rows, 2);
}

}  // namespace
}  // namespace troupe
