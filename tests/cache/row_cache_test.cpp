// Rows in the cache of a node: where they are looked for, and when a change counts as forgotten.
#include "actors/entities/row_cache.hpp"

#include <optional>

#include <gtest/gtest.h>

#include "tests/cache/host_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

struct rows_fixture : host_fixture {
  static config declared() {
    config c;
    row_cache::declare(c);
    return c;
  }
  const config settings = declared();
  const cache_catalogue caches{settings.caches};
  cache_router router{host, caches, 1 << 20, [this] { return now; }};
  bool without_data = false;
  row_cache rows{router, *caches.find(row_cache::name), [this] { return without_data; }};

  void keep(std::string_view key, std::int64_t version, std::string_view json) {
    const auto bytes = pack_cached_row(version, json);
    auto c = command(cache_op::put, key, bytes);
    c.cache = *caches.find(row_cache::name);
    EXPECT_EQ(run(c).code, errc::ok);
  }
  std::optional<std::int64_t> version_now(std::string_view key) {
    std::optional<std::int64_t> seen;
    (void)rows.read_now(key, now, [&](const cached_row& row) { seen = row.version; });
    return seen;
  }
  /// None: it is not decided yet.
  std::optional<bool> forget(std::string_view key, duration patience) {
    const auto told = std::make_shared<std::optional<bool>>();
    rows.forget(key, now + patience, [told](bool sure) { *told = sure; });
    return *told;
  }
};

TEST(row_cache, gives_a_row_until_it_is_forgotten) {
  rows_fixture f;
  f.own_everything();
  EXPECT_FALSE(f.version_now("book/7"));
  f.keep("book/7", 3, "{}");
  EXPECT_EQ(f.version_now("book/7"), 3);
  EXPECT_EQ(f.forget("book/7", 1s), true);
  EXPECT_FALSE(f.version_now("book/7"));
  EXPECT_EQ(f.forget("book/7", 1s), true) << "there is none: that is as good";
}

TEST(row_cache, is_not_sure_of_a_change_that_no_node_was_told_of) {
  rows_fixture f;
  f.own_everything();
  for (auto& row : f.table.rows) row.primary = rows_fixture::other;
  f.adopt();
  EXPECT_EQ(f.forget("book/7", 0s), false) << "another node has the shard, and there is no way to it";
}

TEST(row_cache, of_a_cluster_without_data_has_nothing_to_forget) {
  rows_fixture f;
  f.without_data = true;
  EXPECT_EQ(f.forget("book/7", 0s), true) << "no table is known, and nobody holds data";
  f.without_data = false;
  EXPECT_EQ(f.forget("book/7", 0s), false) << "no table is known yet";
  f.adopt();
  EXPECT_EQ(f.forget("book/7", 0s), true) << "a table in which nobody has a shard";
  bool asked = false;
  f.rows.read("book/7", f.now, f.now + 1s, [&](const std::optional<cached_row>& row) { asked = !row; });
  EXPECT_TRUE(asked) << "the database knows";
}

TEST(row_cache, forgets_what_the_database_tells_of_where_it_is) {
  rows_fixture f;
  f.own_everything();
  f.keep("book/7", 3, "{}");
  f.keep("book/8", 1, "{}");
  f.rows.on_change("book/7", f.now);
  EXPECT_FALSE(f.version_now("book/7"));
  EXPECT_EQ(f.version_now("book/8"), 1);
  f.rows.on_gap(f.now);
  EXPECT_FALSE(f.version_now("book/8")) << "anything may have changed";
}

TEST(row_cache, has_a_name_that_no_door_finds) {
  rows_fixture f;
  EXPECT_FALSE(f.router.find(row_cache::name));
  EXPECT_TRUE(f.router.find_any(row_cache::name));
}

}  // namespace
}  // namespace troupe
