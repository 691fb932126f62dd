// What happens when the server is not well: restarted, killed, frozen, gone, replaced by its standby. Nothing that
// was acknowledged is lost, nothing is reported that did not happen, and all is well again without a restart of ours.
#include <cstdio>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <boost/asio/steady_timer.hpp>

#include "tests/db/postgres_fixture.hpp"
#include "tests/db/temporary_directory.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

// Inserts numbered rows for as long as it lives, some at a time, and remembers what it was told.
class writers {
 public:
  static constexpr int at_a_time = 16;

  writers(database db, boost::asio::io_context& loop)
      : db_(std::move(db)), loop_(loop), insert_(*db_.prepare("load", "insert into book(id, title) values($1, $2)")) {
    for (int i = 0; i < at_a_time; ++i) next();
  }
  ~writers() { stop(); }

  void stop() {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    ended_.wait(lock, [this] { return flying_ == 0; });
  }

  [[nodiscard]] std::vector<std::int64_t> acknowledged() const {
    const std::lock_guard lock(mutex_);
    return acknowledged_;
  }
  [[nodiscard]] std::map<errc, int> failures() const {
    const std::lock_guard lock(mutex_);
    return failures_;
  }
  [[nodiscard]] std::vector<std::int64_t> refused() const {
    const std::lock_guard lock(mutex_);
    return refused_;
  }

  /// Rows that were acknowledged and are not there, and rows that were refused and are.
  [[nodiscard]] std::pair<int, int> check(const test::postgres_node& server, const std::string& schema) const {
    std::set<std::int64_t> there;
    const auto text = server.sql("select id from " + schema + ".book");
    std::istringstream lines(text);
    for (std::int64_t id = 0; lines >> id;) there.insert(id);
    int lost = 0, invented = 0;
    for (const auto id : acknowledged()) lost += there.count(id) == 0 ? 1 : 0;
    for (const auto id : refused()) invented += there.count(id) == 0 ? 0 : 1;
    return {lost, invented};
  }

 private:
  void next() {
    std::int64_t id = 0;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      id = ++last_;
      ++flying_;
    }
    db_.execute(insert_, {id, "title " + std::to_string(id)},
                [this, id](const expected<sql_result>& r) { on_answer(id, r); }, {.deadline = 3s});
  }

  void on_answer(std::int64_t id, const expected<sql_result>& r) {
    {
      const std::lock_guard lock(mutex_);
      if (r) {
        acknowledged_.push_back(id);
      } else {
        ++failures_[r.error().code];
        if (r.error().code != errc::outcome_unknown) refused_.push_back(id);
      }
    }
    if (r) {
      next();
      return land();
    }
    // A server that is away refuses at once: the next one comes a moment later.
    auto timer = std::make_shared<boost::asio::steady_timer>(loop_, 5ms);
    timer->async_wait([this, timer](const boost::system::error_code&) {
      next();
      land();
    });
  }

  void land() {
    const std::lock_guard lock(mutex_);
    --flying_;
    ended_.notify_all();
  }

  database db_;
  boost::asio::io_context& loop_;
  const sql_statement insert_;
  mutable std::mutex mutex_;
  std::condition_variable ended_;
  std::int64_t last_ = 0;
  int flying_ = 0;
  bool stopping_ = false;
  std::vector<std::int64_t> acknowledged_, refused_;
  std::map<errc, int> failures_;
};

class postgres_faults_test : public postgres_fixture {
 protected:
  static constexpr std::size_t load = 300;  // acknowledged before and after the fault

  boost::asio::io_context& loop() { return service_->loop(); }

  void wait_for_more(const writers& w) {
    const auto before = w.acknowledged().size();
    ASSERT_TRUE(eventually([&] { return w.acknowledged().size() >= before + load; }))
        << w.acknowledged().size() << " acknowledged, breaker " << service_->numbers().breaker;
  }
  void expect_truth(const writers& w, const test::postgres_node& server) {
    const auto [lost, invented] = w.check(server, name_);
    EXPECT_EQ(lost, 0) << "acknowledged and lost";
    EXPECT_EQ(invented, 0) << "refused and there all the same";
    for (const auto& [code, times] : w.failures()) {
      const bool known = code == errc::unavailable || code == errc::outcome_unknown || code == errc::deadline_exceeded;
      EXPECT_TRUE(known) << name_of(code) << " " << times << " times";
    }
  }
};

TEST_F(postgres_faults_test, a_restart_of_the_server_under_load_loses_nothing) {
  open();
  writers w(*db_, loop());
  wait_for_more(w);
  server_->restart();
  wait_for_more(w);
  w.stop();
  expect_truth(w, *server_);
}

TEST_F(postgres_faults_test, a_server_killed_under_load_loses_nothing_that_was_acknowledged) {
  open();
  writers w(*db_, loop());
  for (int i = 0; i < 3; ++i) {
    wait_for_more(w);
    server_->kill();
    server_->start();
  }
  wait_for_more(w);
  w.stop();
  expect_truth(w, *server_);
}

TEST_F(postgres_faults_test, a_frozen_server_is_answered_for_in_time_and_used_again_when_it_wakes) {
  open();
  const auto find = prepared("find", "select 1 from book where id = ?");
  const auto insert = prepared("insert", "insert into book(id, title) values(?, 'x' || ?)");
  ASSERT_TRUE(db_->query(find, {std::int64_t{1}}));
  server_->stand_still(true);
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(db_->query(find, {std::int64_t{1}}, {.deadline = 300ms}).error().code, errc::deadline_exceeded);
  const auto written = db_->execute(insert, {std::int64_t{1}, "a"}, {.deadline = 300ms});
  ASSERT_FALSE(written);
  const auto code = written.error().code;
  EXPECT_TRUE(code == errc::outcome_unknown || code == errc::deadline_exceeded) << written.error().context;
  EXPECT_LT(std::chrono::steady_clock::now() - began, 3s);
  server_->stand_still(false);
  EXPECT_TRUE(eventually([&] { return db_->execute(insert, {std::int64_t{2}, "b"}, {.deadline = 1s}).has_value(); }));
  if (code == errc::deadline_exceeded) {
    EXPECT_EQ(*db_->query("select count(*) from book where id = 1")->get<std::int64_t>(0, 0), 0) << "surely not done";
  }
}

TEST_F(postgres_faults_test, a_server_that_is_away_is_refused_at_once_and_found_again) {
  open();
  const auto find = prepared("find", "select 1 from book where id = ?");
  ASSERT_TRUE(db_->query(find, {std::int64_t{1}}));
  server_->kill();
  ASSERT_TRUE(eventually([&] {
    (void)db_->query(find, {std::int64_t{1}}, {.deadline = 1s});
    return service_->numbers().breaker != 0;
  }));
  const auto began = std::chrono::steady_clock::now();
  const auto refused = db_->query(find, {std::int64_t{1}}, {.deadline = 10s});
  EXPECT_EQ(refused.error().code, errc::unavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 500ms) << "the circuit breaker is open";
  server_->start();
  EXPECT_TRUE(eventually([&] { return db_->query(find, {std::int64_t{1}}).has_value(); }));
  EXPECT_EQ(service_->numbers().breaker, 0);
}

TEST_F(postgres_faults_test, a_server_that_is_away_at_the_start_is_waited_for) {
  server_->kill();
  service_ = std::make_unique<postgres_service>(config_);
  const auto db = (*service_)->open(name_, library_schema);
  ASSERT_TRUE(db);
  auto handle = *db;
  const auto early = handle.execute("select 1");
  EXPECT_EQ(early.error().code, errc::unavailable);
  EXPECT_FALSE((*service_)->health().ok);
  server_->start();
  EXPECT_TRUE(eventually([&] { return handle.execute("insert into book(id, title) values(1, 'a')").has_value(); }));
}

TEST_F(postgres_faults_test, listeners_are_told_of_a_gap_and_miss_nothing_after_it) {
  open();
  std::mutex mutex;
  std::vector<std::string> heard;
  auto kept = db_->listen("books", [&](const notification& n) {
    const std::lock_guard lock(mutex);
    heard.push_back(n.gap ? "gap" : n.payload);
  });
  const auto hears = [&](const std::vector<std::string>& what) {
    return eventually([&] {
      const std::lock_guard lock(mutex);
      return heard == what;
    });
  };
  ASSERT_TRUE(hears({"gap"})) << "the listening has begun";
  EXPECT_TRUE(db_->notify("books", "first"));
  ASSERT_TRUE(hears({"gap", "first"})) << "what comes after the gap is not missed";
  server_->restart();
  ASSERT_TRUE(hears({"gap", "first", "gap"}));
  ASSERT_TRUE(eventually([&] { return db_->notify("books", "second").has_value(); }));
  EXPECT_TRUE(hears({"gap", "first", "gap", "second"}));
}

TEST_F(postgres_faults_test, the_leader_alone_migrates_and_others_wait) {
  postgres_service follower(config_, 0);
  auto waiting = follower->open(name_, library_schema);
  ASSERT_TRUE(waiting);
  EXPECT_EQ(waiting->query("select 1").error().code, errc::unavailable);
  EXPECT_FALSE(follower->health().ok);
  EXPECT_NE(follower->health().reason.find("the leader has 1 migrations"), std::string::npos)
      << follower->health().reason;
  postgres_service leader(config_, 5);
  auto leading = leader->open(name_, library_schema);
  ASSERT_TRUE(leading);
  EXPECT_TRUE(leading->execute("insert into book(id, title) values(1, 'a')"));
  EXPECT_TRUE(eventually([&] { return waiting->query("select * from book").has_value(); }));
  EXPECT_TRUE(eventually([&] { return follower->health().ok; }));
  EXPECT_EQ(server_->sql("select number || name || term from " + name_ + ".troupe_migrations"), "1book5");
}

TEST_F(postgres_faults_test, a_changed_migration_is_refused_and_an_earlier_term_migrates_nothing) {
  {
    postgres_service first(config_, 5);
    ASSERT_TRUE(first->open(name_, library_schema));
  }
  auto changed = library_schema;
  changed[0].sql += " -- edited";
  postgres_service second(config_, 6);
  EXPECT_EQ(second->open(name_, changed).error().code, errc::bad_config);
  auto more = library_schema;
  more.push_back({2, "more", "create table more(a bigint)"});
  postgres_service stale(config_, 4);
  auto late = stale->open(name_, more);
  ASSERT_TRUE(late) << "it may lead again";
  EXPECT_EQ(late->query("select 1").error().code, errc::unavailable);
  EXPECT_NE(stale->health().reason.find("a later leader"), std::string::npos) << stale->health().reason;
  EXPECT_TRUE(second->open(name_, more));
  auto broken = more;
  broken.push_back({3, "broken", "create table third(a bigint); create table book(a bigint)"});
  postgres_service third(config_, 7);
  EXPECT_EQ(third->open(name_, broken).error().code, errc::bad_config);
  EXPECT_EQ(server_->sql("select to_regclass('" + name_ + ".third') is null"), "t") << "nothing half done";
}

TEST_F(postgres_faults_test, passwords_are_checked_and_never_told) {
  test::postgres_node own;
  own.start();
  own.sql("alter user troupe password 'sesame77'");
  own.demand_password("sesame77");
  config_.dsn = own.dsn() + " password=wrong-secret";
  {
    postgres_service wrong(config_);
    const auto refused = wrong->open(name_, {});
    const auto told = refused ? wrong->health().reason : refused.error().context;
    EXPECT_NE(told.find("password"), std::string::npos) << told;
    EXPECT_EQ(told.find("wrong-secret"), std::string::npos) << told;
  }
  const temporary_directory home;
  std::ofstream(home.path() + "/password") << "sesame77\n";
  config_.password_file = home.path() + "/password";
  postgres_service right(config_);
  auto db = right->open(name_, {});
  ASSERT_TRUE(db) << db.error().context;
  EXPECT_TRUE(db->query("select 1"));
  config_.dsn = "no = such 'dsn password=hunter2";
  io_pool io(1);
  const auto broken = postgres_driver::make(config_, io, 1);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, errc::bad_config);
  EXPECT_EQ(broken.error().context.find("hunter2"), std::string::npos);
}

// A primary with a synchronous standby; the primary is killed and the standby promoted, under load.
class postgres_failover_test : public postgres_faults_test {
 protected:
  void SetUp() override {
    postgres_faults_test::SetUp();
    if (IsSkipped()) return;
    primary_ = test::postgres_node::make();
    primary_->start({"wal_level=replica", "synchronous_standby_names=standby", "synchronous_commit=local"});
    standby_ = primary_->make_standby();
    standby_->start({"hot_standby=on", "synchronous_standby_names="});
    ASSERT_TRUE(eventually(
        [&] { return primary_->sql("select count(*) from pg_stat_replication where sync_state = 'sync'") == "1"; }));
    config_.dsn = "host=127.0.0.1,127.0.0.1 port=" + std::to_string(primary_->port()) + "," +
                  std::to_string(standby_->port()) + " user=troupe dbname=postgres options='-c synchronous_commit=on'";
  }
  std::unique_ptr<test::postgres_node> primary_, standby_;
};

TEST_F(postgres_failover_test, a_promoted_standby_takes_over_and_no_acknowledged_write_is_lost) {
  open();
  writers w(*db_, loop());
  wait_for_more(w);
  primary_->kill();
  const auto before = w.acknowledged().size();
  standby_->promote();
  const auto promoted = std::chrono::steady_clock::now();
  ASSERT_TRUE(eventually([&] { return w.acknowledged().size() > before; }));
  const auto took = std::chrono::steady_clock::now() - promoted;
  std::printf("first success %d ms after the promotion\n",
              static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
  wait_for_more(w);
  w.stop();
  expect_truth(w, *standby_);
}

TEST_F(postgres_failover_test, a_write_that_the_standby_does_not_confirm_is_never_acknowledged) {
  open();
  const auto insert = prepared("insert", "insert into book(id, title) values(?, 'title ' || ?)");
  const auto write = [&](std::int64_t id) {
    return db_->execute(insert, {id, std::to_string(id)}, {.deadline = 400ms});
  };
  ASSERT_TRUE(write(1));
  standby_->stand_still(true);
  EXPECT_EQ(write(2).error().code, errc::outcome_unknown) << "it is committed here alone";
  const auto done = db_->transact(
      [&](blocking_transaction& t) -> expected<void> {
        const auto r = t.run(insert, {std::int64_t{3}, "3"});
        return r ? expected<void>{} : tl::unexpected(r.error());
      },
      {.deadline = 400ms});
  EXPECT_EQ(done.error().code, errc::outcome_unknown);
  int calls = 0;
  const auto copied = db_->bulk_insert({"book", {"id", "title"}},
                                       [&calls]() -> std::vector<sql_row> {
                                         if (++calls > 1) return {};
                                         return {{std::int64_t{4}, "d"}};
                                       },
                                       {.deadline = 400ms});
  EXPECT_EQ(copied.error().code, errc::outcome_unknown) << copied.error().context;
  standby_->stand_still(false);
  EXPECT_TRUE(eventually([&] { return db_->execute(insert, {std::int64_t{5}, "5"}, {.deadline = 5s}).has_value(); }));
}

TEST_F(postgres_failover_test, reads_that_may_be_stale_go_to_the_standby) {
  open();
  const auto where = prepared("where", "select pg_is_in_recovery()");
  EXPECT_FALSE(*db_->query(where)->get<bool>(0, 0));
  const auto stale = db_->query(where, {}, {.stale = true});
  ASSERT_TRUE(stale) << stale.error().context;
  EXPECT_TRUE(*stale->get<bool>(0, 0));
  standby_->kill();
  EXPECT_TRUE(eventually([&] {
    const auto r = db_->query(where, {}, {.stale = true});
    return r && !*r->get<bool>(0, 0);
  })) << "without a standby the primary answers";
}

}  // namespace
}  // namespace troupe
