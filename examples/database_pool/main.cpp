// Databases alone: SQLite files here, or PostgreSQL when its address is given (postgresql://user@host/name).
#include <atomic>
#include <cstdio>
#include <filesystem>

#include <troupe/sql_pool.hpp>

int main(int argc, char** argv) {
  troupe::sql_pool_options options;
  if (argc > 1) {
    options.postgres_dsn = argv[1];
  } else {
    options.sqlite_dir = "pool-data";
    std::filesystem::remove_all(options.sqlite_dir);
  }
  auto pool = troupe::sql_pool::start(options);
  if (!pool) {
    std::fprintf(stderr, "no pool: %s\n", describe(pool.error()).c_str());
    return 1;
  }
  auto db = pool->open("shop", {{1, "item", "create table item(name text primary key, price bigint not null)"},
                                {2, "stock", "alter table item add column stock bigint not null default 0"}});
  if (!db || !db->execute("delete from item")) return 1;

  // Writes that wait together share one transaction (SQLite) or one pipeline (PostgreSQL).
  const auto insert = db->prepare("insert", "insert into item(name, price) values(?, ?)");
  std::atomic<int> done{0};
  for (std::int64_t i = 1; i <= 100; ++i) {
    db->execute(*insert, {"item " + std::to_string(i), i}, [&](troupe::expected<troupe::sql_result> r) {
      if (!r) std::fprintf(stderr, "%s\n", describe(r.error()).c_str());
      ++done;
      done.notify_all();
    });
  }
  for (int seen = done; seen < 100; seen = done) done.wait(seen);

  // All or nothing; it runs again by itself after a conflict.
  const auto sell = db->prepare("sell", "update item set stock = stock - 1 where name = ? and stock > 0");
  const auto sold = db->transact([&](troupe::blocking_transaction& t) -> troupe::expected<void> {
    const auto r = t.run(*sell, {"item 7"});
    if (!r) return tl::unexpected(r.error());
    if (r->changed == 0) return troupe::fail(troupe::errc::condition_failed, "none left");
    return {};
  });
  std::printf("sold: %s\n", sold ? "yes" : sold.error().context.c_str());

  const auto cheap = db->query("select count(*), max(price) from item where price <= ?", {std::int64_t{10}});
  if (!cheap) return 1;
  std::printf("%lld items, up to %lld\n", static_cast<long long>(*cheap->get<std::int64_t>(0, 0)),
              static_cast<long long>(*cheap->get<std::int64_t>(0, 1)));
  return pool->health().ok ? 0 : 1;
}
