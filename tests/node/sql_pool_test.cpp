// Databases alone: a pool over SQLite files, and over a real PostgreSQL where it is installed.
#include <troupe/sql_pool.hpp>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include <gtest/gtest.h>

#include "tests/db/postgres_fixture.hpp"
#include "tests/db/temporary_directory.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

const std::vector<migration> items{{1, "item", "create table item(id integer primary key, name text not null unique)"}};
const std::vector<migration> priced{items[0], {2, "price", "alter table item add column price integer"}};

sql_pool pool_of(sql_pool_options o) {
  o.log_level = "off";
  auto pool = sql_pool::start(std::move(o));
  if (!pool) throw std::runtime_error(describe(pool.error()));
  return std::move(*pool);
}

std::int64_t items_in(database& db) { return db.query("select count(*) from item")->get<std::int64_t>(0, 0).value(); }

TEST(sql_pools, writes_that_wait_together_are_one_transaction_and_are_there_again) {
  const temporary_directory home;
  const temporary_directory elsewhere;
  {
    auto pool = pool_of({.sqlite_dir = home.path()});
    auto db = pool.open("shop", items);
    ASSERT_TRUE(db) << describe(db.error());
    const auto insert = db->prepare("insert", "insert into item(name) values(?)");
    std::atomic<int> done{0};
    for (int i = 0; i < 200; ++i) {
      db->execute(*insert, {"item " + std::to_string(i)}, [&](expected<sql_result> r) { done += r ? 1 : 1000; });
    }
    EXPECT_TRUE(eventually([&] { return done == 200; })) << done;
    EXPECT_EQ(items_in(*db), 200);
    EXPECT_EQ(db->execute("insert into item(name) values('item 1')").error().code, errc::already_exists);
    EXPECT_TRUE(pool.health().ok);
    const auto numbers = pool.metrics();
    const auto batches = numbers.find("\ntroupe_db_batches_total ");
    ASSERT_NE(batches, std::string::npos) << numbers;
    EXPECT_LT(std::stoi(numbers.substr(batches + 25)), 200) << "they shared transactions";
    EXPECT_EQ(pool.backup("shop", home.path() + "/db/x").error().code, errc::invalid_argument);
    EXPECT_TRUE(pool.backup("shop", elsewhere.path() + "/copy.sqlite3"));
    EXPECT_TRUE(std::filesystem::exists(elsewhere.path() + "/copy.sqlite3"));
    EXPECT_EQ(pool.backup("nobody", elsewhere.path() + "/x").error().code, errc::not_found);
  }
  auto again = pool_of({.sqlite_dir = home.path()});
  auto db = again.open("shop", priced);
  ASSERT_TRUE(db) << describe(db.error());
  EXPECT_EQ(items_in(*db), 200);
  EXPECT_TRUE(db->execute("update item set price = 1"));
}

TEST(sql_pools, transactions_are_whole_or_not_at_all) {
  const temporary_directory home;
  auto pool = pool_of({.sqlite_dir = home.path()});
  auto db = *pool.open("shop", items);
  const auto insert = *db.prepare("insert", "insert into item(name) values(?)");
  const auto undone = db.transact(
      [&](blocking_transaction& t) -> expected<void> {
        if (auto r = t.run(insert, {"a"}); !r) return tl::unexpected(r.error());
        return fail(errc::conflict, "no");
      },
      {.tries_max = 1});
  EXPECT_FALSE(undone);
  EXPECT_EQ(items_in(db), 0);
  EXPECT_TRUE(db.transact([&](blocking_transaction& t) -> expected<void> {
    if (auto r = t.run(insert, {"a"}); !r) return tl::unexpected(r.error());
    return {};
  }));
  EXPECT_EQ(items_in(db), 1);
}

TEST(sql_pools, two_pools_may_use_one_file) {
  const temporary_directory home;
  auto a = pool_of({.sqlite_dir = home.path()});
  auto b = pool_of({.sqlite_dir = home.path()});
  auto at_a = *a.open("shop", items);
  auto at_b = *b.open("shop", items);
  ASSERT_TRUE(at_a.execute("insert into item(name) values('x')"));
  EXPECT_EQ(items_in(at_b), 1);
  b.stop();
  EXPECT_EQ(at_b.query("select 1").error().code, errc::unavailable);
  EXPECT_EQ(b.open("other").error().code, errc::unavailable);
  EXPECT_EQ(b.backup("shop", home.path() + "/copy").error().code, errc::unavailable);
  EXPECT_EQ(items_in(at_a), 1);
}

TEST(sql_pools, bad_input_is_refused) {
  const temporary_directory home;
  const auto code = [](sql_pool_options o) {
    o.log_level = "off";
    auto pool = sql_pool::start(std::move(o));
    return pool ? errc::ok : pool.error().code;
  };
  db_config few;
  few.pool_min = few.pool_max + 1;
  db_config vague;
  vague.synchronous = "sometimes";
  EXPECT_EQ(code({}), errc::bad_config);
  EXPECT_EQ(code({.sqlite_dir = "x", .postgres_dsn = "postgresql://localhost/x"}), errc::bad_config);
  EXPECT_EQ(code({.postgres_dsn = "postgresql://[half"}), errc::bad_config);
  EXPECT_EQ(code({.sqlite_dir = home.path(), .tuning = few}), errc::bad_config);
  EXPECT_EQ(code({.sqlite_dir = home.path(), .tuning = vague}), errc::bad_config);

  auto pool = pool_of({.sqlite_dir = home.path()});
  EXPECT_EQ(pool.open("No good").error().code, errc::invalid_argument);
  EXPECT_EQ(pool.open("bad_sql", {{1, "x", "create tabel x"}}).error().code, errc::bad_config);
  EXPECT_EQ(pool.open("gap", {{2, "x", "create table x(id integer)"}}).error().code, errc::bad_config);
  ASSERT_TRUE(pool.open("shop", items));
  auto other = pool_of({.sqlite_dir = home.path()});
  auto edited = items;
  edited[0].sql += " -- edited";
  EXPECT_EQ(other.open("shop", edited).error().code, errc::bad_config);

  std::ofstream(home.path() + "/db/spoilt.sqlite3") << std::string(4096, 'x');
  EXPECT_EQ(pool.open("spoilt", items).error().code, errc::corrupt);
}

class sql_pools_of_postgres : public postgres_fixture {
 protected:
  sql_pool_options options() { return {.postgres_dsn = server_->dsn()}; }
};

TEST_F(sql_pools_of_postgres, pools_migrate_by_themselves_and_share_what_they_have) {
  auto a = pool_of(options());
  auto b = pool_of(options());
  auto at_a = a.open(name_, items);
  ASSERT_TRUE(at_a) << describe(at_a.error());
  auto at_b = b.open(name_, priced);
  ASSERT_TRUE(at_b) << describe(at_b.error());
  const auto put = at_a->execute("insert into item(id, name) values(1, 'pen')");
  ASSERT_TRUE(put) << describe(put.error());
  EXPECT_TRUE(at_b->execute("update item set price = 3"));
  EXPECT_EQ(at_a->query("select price from item")->get<std::int64_t>(0, 0).value(), 3);
  EXPECT_EQ(a.backup(name_, "/tmp/x").error().code, errc::not_implemented);
  a.stop();
  EXPECT_EQ(at_a->query("select 1").error().code, errc::unavailable);
  EXPECT_EQ(items_in(*at_b), 1);
}

TEST_F(sql_pools_of_postgres, a_cluster_takes_over_from_pools_and_they_not_from_it) {
  auto pool = pool_of(options());
  ASSERT_TRUE(pool.open(name_, items));
  postgres_service cluster(config_, 1);  // the first term that a cluster has
  auto of_cluster = cluster->open(name_, priced);
  ASSERT_TRUE(of_cluster) << describe(of_cluster.error());
  const auto column = of_cluster->query("select price from item");
  EXPECT_TRUE(column) << describe(column.error());

  auto later = priced;
  later.push_back({3, "stock", "alter table item add column stock integer"});
  auto other = pool_of(options());
  auto refused = other.open(name_, later);
  ASSERT_TRUE(refused) << "calls say it";
  EXPECT_EQ(refused->query("select 1").error().code, errc::unavailable);
  EXPECT_FALSE(other.health().ok);
  EXPECT_NE(other.health().reason.find("later leader"), std::string::npos) << other.health().reason;
}

TEST_F(sql_pools_of_postgres, a_server_that_comes_back_is_used_again) {
  auto pool = pool_of(options());
  auto db = *pool.open(name_, items);
  ASSERT_TRUE(db.execute("insert into item(id, name) values(1, 'pen')"));
  server_->restart();
  EXPECT_TRUE(eventually([&] { return db.query("select 1").has_value(); }));
  EXPECT_EQ(items_in(db), 1);
}

}  // namespace
}  // namespace troupe
