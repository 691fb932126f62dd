// Schemas of a shared server: who makes, migrates and empties them, and what other nodes see meanwhile.
#include <optional>

#include <boost/asio/ip/tcp.hpp>

#include "tests/db/postgres_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

// Takes connections and says nothing, as a server does that is frozen.
class silent_host {
 public:
  silent_host() : door_(loop_, {boost::asio::ip::address_v4::loopback(), 0}) { door_.non_blocking(true); }
  [[nodiscard]] int port() const { return door_.local_endpoint().port(); }
  [[nodiscard]] bool was_dialled() const {
    boost::system::error_code nobody;
    boost::asio::ip::tcp::socket taken(loop_);
    door_.accept(taken, nobody);
    if (!nobody) taken_.push_back(std::move(taken));
    return !taken_.empty();
  }

 private:
  mutable boost::asio::io_context loop_;
  mutable boost::asio::ip::tcp::acceptor door_;
  mutable std::vector<boost::asio::ip::tcp::socket> taken_;
};

class postgres_upkeep_test : public postgres_fixture {
 protected:
  expected<void> reset(postgres_service& s, const std::string& name, const std::string& meant) {
    awaited<expected<void>> done;
    s->reset(name, meant, done.callback());
    return done.get();
  }
  std::string fence() { return server_->sql("select fence_term from " + name_ + ".troupe_schema"); }
};

TEST_F(postgres_upkeep_test, nodes_that_start_together_make_a_schema_once) {
  constexpr int nodes = 6;
  std::vector<std::unique_ptr<postgres_service>> services;
  for (int i = 0; i < nodes; ++i) services.push_back(std::make_unique<postgres_service>(config_, i == 0 ? 1 : 0));
  std::vector<std::thread> openers;
  std::atomic<int> opened{0};
  for (auto& s : services) {
    openers.emplace_back([&] {
      const auto db = (*s)->open(name_, library_schema);
      EXPECT_TRUE(db) << db.error().context;
      opened += db ? 1 : 0;
    });
  }
  for (auto& o : openers) o.join();
  EXPECT_EQ(opened, nodes);
  for (auto& s : services) EXPECT_TRUE(eventually([&] { return (*s)->health().ok; }));
}

TEST_F(postgres_upkeep_test, a_reset_needs_the_name_again_and_the_leader) {
  open();
  must("insert into book(id, title) values(1, 'a')");
  EXPECT_EQ(reset(*service_, name_, "").error().code, errc::condition_failed);
  EXPECT_EQ(reset(*service_, name_, name_ + "x").error().code, errc::condition_failed);
  EXPECT_EQ(reset(*service_, "nobody", "nobody").error().code, errc::not_found);
  service_->lead(0);
  EXPECT_EQ(reset(*service_, name_, name_).error().code, errc::unavailable);
  EXPECT_EQ(count(), 1);
  service_->lead(3);
  const auto done = reset(*service_, name_, name_);
  EXPECT_TRUE(done) << done.error().context;
  EXPECT_EQ(count(), 0);
  EXPECT_EQ(fence(), "3") << "the new schema remembers the term";
  must("insert into book(id, title) values(1, 'a')");
}

TEST_F(postgres_upkeep_test, a_leader_of_the_past_empties_nothing) {
  open();
  postgres_service later(config_, 9);
  auto more = library_schema;
  more.push_back({2, "more", "create table more(a bigint)"});
  ASSERT_TRUE(later->open(name_, more));
  must("insert into book(id, title) values(1, 'a')");
  service_->lead(2);
  EXPECT_EQ(reset(*service_, name_, name_).error().code, errc::stale_term);
  EXPECT_EQ(count(), 1);
  EXPECT_EQ(fence(), "9");
  EXPECT_TRUE(db_->query("select 1")) << "the gate is open again";
}

TEST_F(postgres_upkeep_test, a_migration_that_copies_from_the_client_is_refused_and_not_waited_for) {
  service_ = std::make_unique<postgres_service>(config_);
  for (const char* copy : {"copy t from stdin", "copy t to stdout"}) {
    const auto began = std::chrono::steady_clock::now();
    const auto db = (*service_)->open(name_, {{1, "copies", std::string("create table t(a bigint); ") + copy}});
    EXPECT_EQ(db.error().code, errc::bad_config) << copy;
    EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
  }
}

TEST_F(postgres_upkeep_test, a_migration_that_a_lock_kept_out_is_tried_again) {
  open();
  server_->sql("alter database postgres set lock_timeout = '300ms'");
  const auto alter = prepared("alter", "alter table book add column held bigint");
  std::optional<transaction> holder;
  awaited<expected<sql_result>> held;
  awaited<expected<void>> let_go;
  db_->transact(
      [&](transaction t) {
        holder = t;
        t.run(alter, {}, held.callback());
      },
      let_go.callback(), {.deadline = 60s});
  EXPECT_TRUE(held.get());
  auto more = library_schema;
  more.push_back({2, "more", "alter table book add column more bigint"});
  postgres_service second(config_, 2);
  auto db = second->open(name_, more);
  server_->sql("alter database postgres reset lock_timeout");
  ASSERT_TRUE(db) << db.error().context << ": a lock that another has is no fault of the migration";
  EXPECT_FALSE(second->health().ok);
  holder->rollback({});
  holder.reset();
  EXPECT_TRUE(eventually([&] { return db->query("select more from book").has_value(); }));
  (void)let_go.get();
}

TEST_F(postgres_upkeep_test, what_is_open_can_be_asked_while_a_silent_server_is_dialled) {
  const silent_host silent;
  config_.dsn = "hostaddr=127.0.0.1 port=" + std::to_string(silent.port()) + " user=troupe dbname=postgres";
  service_ = std::make_unique<postgres_service>(config_);
  std::atomic<bool> opened{false};
  std::thread opener([&] {
    (void)(*service_)->open(name_, library_schema);
    opened = true;
  });
  ASSERT_TRUE(eventually([&] { return silent.was_dialled(); }));
  EXPECT_TRUE((*service_)->namespaces().empty());
  EXPECT_FALSE(opened) << "the answer came while the dial went on";
  opener.join();
}

TEST_F(postgres_upkeep_test, a_silent_host_is_left_for_the_next_one) {
  const silent_host silent;
  config_.dsn = "host=127.0.0.1,127.0.0.1 port=" + std::to_string(silent.port()) + "," +
                std::to_string(server_->port()) + " user=troupe dbname=postgres";
  const auto began = std::chrono::steady_clock::now();
  open();
  const auto r = db_->query("select 1", {}, {.deadline = 5s});
  EXPECT_TRUE(r) << r.error().context;
  EXPECT_TRUE(silent.was_dialled());
  EXPECT_LT(std::chrono::steady_clock::now() - began, 4s);
}

}  // namespace
}  // namespace troupe
