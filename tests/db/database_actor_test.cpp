// The service among actors: on CAF's test scheduler, so that time passes only when the test says so.
#include "actors/db/database_actor.hpp"

#include <gtest/gtest.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include "actors/db/database_service.hpp"
#include "gateways/db/sqlite_driver.hpp"
#include "tests/db/awaited.hpp"
#include "tests/db/faulty_driver.hpp"
#include "tests/db/plain_job.hpp"
#include "tests/db/temporary_directory.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

class database_actor_test : public testing::Test {
 protected:
  struct test_config : caf::actor_system_config {
    test_config() {
      set("scheduler.policy", caf::atom("testing"));
      set("logger.verbosity", caf::atom("quiet"));
    }
  };

  void SetUp() override {
    auto opened = service_.pool().open("notes", {{1, "t", "CREATE TABLE t(id INTEGER PRIMARY KEY)"}});
    ASSERT_TRUE(opened);
    lane_ = *opened;
    service_.start();
    actor_ = service_.spawn(system_);
    clock().run();
  }
  void TearDown() override {
    caf::anon_send_exit(actor_, caf::exit_reason::user_shutdown);
    clock().run();
    service_.stop();
    actor_ = nullptr;
  }

  caf::scheduler::test_coordinator& clock() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler());
  }

  database_request_ptr request(bool writes, plain_job::work work) {
    return std::make_shared<database_request>(
        database_request{lane_, writes, time_point::max(),
                         [work = std::move(work)](database_session& s, const batch_times&) { return work(s); }});
  }

  // Sends, lets the worker post its answer, then runs the actors.
  database_answer ask(const database_request_ptr& r) {
    database_answer answer{errc::unavailable, "nothing came"};
    caf::scoped_actor self(system_);
    awaited<bool> ran;
    auto watched = std::make_shared<database_request>(*r);
    watched->work = [inner = r->work, report = ran.callback()](database_session& s, const batch_times& t) {
      auto result = inner(s, t);
      report(true);
      return result;
    };
    self->send(actor_, database_request_ptr(watched));
    clock().run();
    EXPECT_TRUE(ran.get());
    bool answered = false;
    // The worker posts after its commit: the scheduler is run until that message is through.
    while (!answered) {
      clock().run();
      self->receive([&](const database_answer& a) { answer = a, answered = true; }, caf::after(0s) >> [] {});
      if (!answered) std::this_thread::yield();
    }
    return answer;
  }

  temporary_directory directory_;
  faults faults_;
  event_hub events_;
  metrics numbers_;
  boost::asio::io_context loop_;
  std::shared_ptr<event_log> log_ = event_log::none();
  test_config config_;
  caf::actor_system system_{config_};
  database_service service_{std::make_shared<faulty_driver>(std::make_shared<sqlite_driver>(sqlite_driver::settings{
                                                                directory_.path(), 1ms, sqlite_synchronous::normal}),
                                                            faults_),
                            db_config{},
                            {*log_, events_, numbers_, loop_}};
  lane_id lane_ = 0;
  caf::actor actor_;
};

TEST_F(database_actor_test, answers_an_actor_when_its_work_is_committed) {
  EXPECT_EQ(ask(request(true, plain_job::statement("INSERT INTO t(id) VALUES(1)"))).code, errc::ok);
  EXPECT_EQ(faults_.commits, 1);
}

TEST_F(database_actor_test, answers_an_actor_why_its_work_was_refused) {
  const auto answer = ask(request(true, plain_job::statement("INSERT INTO nowhere VALUES(1)")));
  EXPECT_EQ(answer.code, errc::invalid_argument);
  EXPECT_NE(answer.context.find("nowhere"), std::string::npos);
}

TEST_F(database_actor_test, a_storage_failure_becomes_an_event_and_a_metric) {
  metrics numbers;
  service_.register_metrics(numbers);
  EXPECT_NE(numbers.expose().find("troupe_db_healthy_ratio 1"), std::string::npos);
  std::vector<std::string> kinds;
  const auto id = events_.listen([&kinds](const auto& e) { kinds.push_back(e->kind); });
  faults_.commit = errc::storage_failed;
  EXPECT_EQ(ask(request(true, plain_job::statement("INSERT INTO t(id) VALUES(1)"))).code, errc::storage_failed);
  EXPECT_FALSE(service_.health().ok);
  EXPECT_NE(numbers.expose().find("troupe_db_healthy_ratio 0"), std::string::npos);
  events_.unlisten(id);
  EXPECT_EQ(kinds, (std::vector<std::string>{"database_failed"}));
}

TEST_F(database_actor_test, its_timer_expires_jobs_that_wait_behind_a_blocked_one) {
  awaited<bool> started;
  std::promise<void> release;
  awaited<expected<void>> blocked;
  awaited<expected<void>> late;
  service_.pool().submit(
      lane_, std::make_shared<plain_job>(
                 false,
                 [report = started.callback(), go = release.get_future().share()](database_session&) -> expected<void> {
                   report(true);
                   go.wait();
                   return {};
                 },
                 blocked.callback()));
  ASSERT_TRUE(started.get());
  service_.pool().submit(
      lane_, std::make_shared<plain_job>(true, plain_job::statement("DELETE FROM t"), late.callback(), time_point{}));
  EXPECT_FALSE(late.ready());
  clock().advance_time(database_actor::tick_interval);
  clock().run();
  ASSERT_TRUE(late.ready());
  EXPECT_EQ(late.get().error().code, errc::deadline_exceeded);
  release.set_value();
  EXPECT_TRUE(blocked.get());
}

}  // namespace
}  // namespace troupe
