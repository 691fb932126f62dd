// The database service over SQLite: what is refused, what a reset does to those who have the namespace open, and that a
// stop ends whatever waits.
#include "actors/db/database_service.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <optional>

#include <boost/asio/post.hpp>

#include "actors/db/session_database.hpp"
#include "actors/io_pool.hpp"
#include "gateways/db/sqlite_driver.hpp"
#include "tests/db/awaited.hpp"
#include "tests/db/temporary_directory.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

class database_service_test : public testing::Test {
 protected:
  void SetUp() override {
    service_ = std::make_unique<database_service>(
        std::make_shared<sqlite_driver>(sqlite_driver::settings{directory_.path(), 100ms, sqlite_synchronous::normal}),
        db_config{}, database_service::surroundings{*log_, events_, numbers_, io_.context(0), {}, {}});
    io_.start();
    service_->start();
    db_ = std::make_unique<database>(open("library"));
  }
  void TearDown() override {
    stop();
    io_.stop();
  }
  void stop() {
    if (service_) service_->stop();
  }
  database open(const std::string& name) {
    auto db = service_->open(name, {{1, "book", "create table book(id integer primary key, title text unique)"}});
    EXPECT_TRUE(db) << db.error().context;
    return *db;
  }
  expected<void> reset(const std::string& name, const std::string& meant) {
    awaited<expected<void>> done;
    service_->reset(name, meant, done.callback());
    return done.get();
  }
  expected<void> backup(const std::string& file) {
    awaited<expected<void>> done;
    service_->backup("library", file, done.callback());
    return done.get();
  }
  std::int64_t count() { return *db_->query("select count(*) from book")->get<std::int64_t>(0, 0); }

  temporary_directory directory_;
  temporary_directory elsewhere_;
  std::shared_ptr<event_log> log_ = event_log::none();
  event_hub events_;
  metrics numbers_;
  io_pool io_{1};
  std::unique_ptr<database_service> service_;
  std::unique_ptr<database> db_;
};

TEST_F(database_service_test, a_reset_needs_the_name_again) {
  ASSERT_TRUE(db_->execute("insert into book values(1, 'a')"));
  EXPECT_EQ(reset("library", "").error().code, errc::condition_failed);
  EXPECT_EQ(reset("library", "Library").error().code, errc::condition_failed);
  EXPECT_EQ(reset("nobody", "nobody").error().code, errc::not_found);
  EXPECT_EQ(count(), 1);
  EXPECT_TRUE(reset("library", "library"));
  EXPECT_EQ(count(), 0);
}

TEST_F(database_service_test, a_statement_of_another_database_is_refused) {
  auto other = open("other");
  const auto mine = db_->prepare("find", "select title from book where id = ?");
  ASSERT_TRUE(mine);
  const auto refused = [&](const sql_statement& s, database& db) {
    const auto r = db.query(s, {std::int64_t{1}});
    EXPECT_EQ(r.error().code, errc::invalid_argument);
    EXPECT_EQ(db.run_all({{s, {std::int64_t{1}}}}).error().code, errc::invalid_argument);
    EXPECT_EQ(db.open_cursor(s, {std::int64_t{1}}).error().code, errc::invalid_argument);
    const auto t = db.transact([&](blocking_transaction& tx) -> expected<void> {
      const auto in = tx.run(s, {std::int64_t{1}});
      return in ? expected<void>{} : tl::unexpected(in.error());
    });
    EXPECT_EQ(t.error().code, errc::invalid_argument);
  };
  refused(*mine, other);  // that has none of this number
  const auto same_number = other.prepare("drop", "delete from book where id = ?");
  ASSERT_TRUE(same_number);
  refused(*mine, other);
  refused(*same_number, *db_);
  EXPECT_TRUE(db_->query(*mine, {std::int64_t{1}}));
  EXPECT_TRUE(other.execute(*same_number, {std::int64_t{1}}));
}

TEST_F(database_service_test, a_transaction_with_an_error_commits_nothing_of_it) {
  const auto insert = db_->prepare("insert", "insert into book values(?, ?)");
  awaited<expected<void>> done;
  db_->transact(
      [&](transaction t) {
        t.run(*insert, {std::int64_t{1}, "a"}, [](const auto&) {});
        t.run(*insert, {std::int64_t{2}, "a"}, [](const auto&) {});
        t.run(*insert, {std::int64_t{3}, "b"}, [](const auto&) {});
        t.commit();
      },
      done.callback());
  EXPECT_EQ(done.get().error().code, errc::already_exists);
  EXPECT_EQ(count(), 0);
}

TEST_F(database_service_test, a_stop_ends_a_reset_that_waits_behind_an_open_transaction) {
  std::optional<transaction> open_one;
  awaited<bool> began;
  awaited<expected<void>> ended, reset_done;
  db_->transact(
      [&](transaction t) {
        open_one = t;
        began.callback()(true);
      },
      ended.callback(), {.deadline = 60s});
  (void)began.get();
  service_->reset("library", "library", reset_done.callback());
  stop();
  EXPECT_EQ(reset_done.get().error().code, errc::unavailable);
  open_one.reset();
  EXPECT_FALSE(ended.get());
}

TEST_F(database_service_test, a_transaction_that_waits_for_its_next_try_is_answered_at_the_stop) {
  std::atomic<int> tries{0};
  awaited<expected<void>> done;
  db_->transact(
      [&](transaction t) {
        ++tries;
        t.rollback({errc::conflict, "try again"});
      },
      done.callback(), {.deadline = 60s, .tries_max = 1000000});
  stop();
  EXPECT_FALSE(done.get());
}

TEST_F(database_service_test, a_backup_writes_only_where_nothing_is) {
  ASSERT_TRUE(db_->execute("insert into book values(1, 'a')"));
  const auto file = elsewhere_.path() + "/copy";
  EXPECT_EQ(backup(directory_.path() + "/db/planted.sqlite3").error().code, errc::invalid_argument);
  EXPECT_EQ(backup(elsewhere_.path() + "/../" + directory_.path().substr(directory_.path().rfind('/') + 1) + "/x")
                .error()
                .code,
            errc::invalid_argument);
  EXPECT_EQ(backup("").error().code, errc::invalid_argument);
  std::ofstream(file + ".unfinished") << "precious";
  EXPECT_EQ(backup(file).error().code, errc::already_exists) << "what is there is not ours";
  std::ifstream kept(file + ".unfinished");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(kept), {}), "precious");
  EXPECT_TRUE(backup(file + "2"));
  EXPECT_EQ(backup(file + "2").error().code, errc::already_exists);
  EXPECT_FALSE(std::ifstream(file + "2.unfinished").good());
}

// The writer stands meanwhile, behind a statement of the transaction that takes its time.
TEST_F(database_service_test, a_transaction_that_says_too_much_at_once_is_refused_and_commits_nothing) {
  const auto insert = db_->prepare("insert", "insert into book values(?, ?)");
  const auto slow = db_->prepare("slow",
                                 "with recursive n(i) as (select 1 union all select i + 1 from n where i < 10000000) "
                                 "select max(i) from n");
  const lane_limits limits;
  std::atomic<int> refused{0}, answered{0};
  awaited<expected<void>> done;
  const int most = static_cast<int>(limits.owned_max) + 200;
  db_->transact(
      [&](transaction t) {
        t.run(*slow, {}, [](const auto&) {});
        for (int i = 0; i < most; ++i)
          t.run(*insert, {std::int64_t{i}, std::to_string(i)}, [&](const expected<sql_result>& r) {
            if (!r && r.error().code == errc::unavailable) ++refused;
            ++answered;
          });
        t.commit();
      },
      done.callback(), {.deadline = 60s});
  const auto outcome = done.get();
  EXPECT_GT(refused, 0) << "they all came while the first one ran";
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::unavailable);
  EXPECT_NE(outcome.error().context.find("too many statements"), std::string::npos) << outcome.error().context;
  EXPECT_EQ(answered, most);
  EXPECT_EQ(count(), 0);
}

TEST_F(database_service_test, notifications_are_answered_although_the_service_stops) {
  awaited<bool> blocked, go_on;
  boost::asio::post(io_.context(0), [&] {
    blocked.callback()(true);
    (void)go_on.get();
  });
  (void)blocked.get();
  std::vector<awaited<expected<void>>> answers(100);
  for (auto& a : answers) db_->notify("books", "x", a.callback());
  stop();
  awaited<expected<void>> late;
  db_->notify("books", "x", late.callback());
  for (auto& a : answers) EXPECT_EQ(a.get().error().code, errc::unavailable);
  EXPECT_EQ(late.get().error().code, errc::unavailable);
  go_on.callback()(true);
  awaited<bool> ended;  // the loop is not to look at go_on when it is gone
  boost::asio::post(io_.context(0), [&] { ended.callback()(true); });
  (void)ended.get();
}

TEST_F(database_service_test, notifications_that_nobody_takes_are_bounded) {
  awaited<bool> blocked, go_on;
  boost::asio::post(io_.context(0), [&] {
    blocked.callback()(true);
    (void)go_on.get();
  });
  (void)blocked.get();
  std::atomic<std::size_t> heard{0}, refused{0};
  for (std::size_t i = 0; i < session_database::notices_max + 10; ++i)
    db_->notify("books", "x", [&](const expected<void>& r) { ++(r ? heard : refused); });
  EXPECT_EQ(refused, 10U);
  go_on.callback()(true);
  awaited<bool> ended;
  boost::asio::post(io_.context(0), [&] { ended.callback()(true); });
  (void)ended.get();
  EXPECT_EQ(heard, session_database::notices_max);
}

}  // namespace
}  // namespace troupe
