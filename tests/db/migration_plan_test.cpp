// Which migrations a namespace still needs, and when it is refused.
#include "runtime/services/migration_plan.hpp"

#include <gtest/gtest.h>

#include <set>

namespace troupe {
namespace {

const migration first = {1, "first", "CREATE TABLE a(x)"};
const migration second = {2, "second", "CREATE TABLE b(x)"};

applied_migration applied(const migration& m) { return {m.number, m.name, checksum_of(m)}; }

TEST(migration_plan, asks_for_what_was_not_applied) {
  EXPECT_EQ(plan_migrations({first, second}, {})->size(), 2u);
  const auto rest = plan_migrations({first, second}, {applied(first)});
  ASSERT_TRUE(rest);
  ASSERT_EQ(rest->size(), 1u);
  EXPECT_EQ((*rest)[0].number, 2u);
  EXPECT_TRUE(plan_migrations({first, second}, {applied(first), applied(second)})->empty());
  EXPECT_TRUE(plan_migrations({}, {})->empty());
}

TEST(migration_plan, refuses_gaps_changes_and_a_newer_database) {
  auto edited = first;
  edited.sql += " ";
  auto renamed = first;
  renamed.name = "one";
  auto late = second;
  late.number = 3;
  EXPECT_FALSE(plan_migrations({second}, {}));
  EXPECT_FALSE(plan_migrations({first, late}, {}));
  EXPECT_FALSE(plan_migrations({edited}, {applied(first)}));
  EXPECT_FALSE(plan_migrations({renamed}, {applied(first)}));
  EXPECT_FALSE(plan_migrations({first}, {applied(first), applied(second)}));
  EXPECT_FALSE(plan_migrations({first, second}, {applied(second)}));
  EXPECT_EQ(plan_migrations({edited}, {applied(first)}).error().code, errc::bad_config);
}

TEST(migration_plan, a_checksum_covers_name_and_text_apart) {
  const std::set<std::string> sums = {checksum_of({1, "ab", "c"}), checksum_of({1, "a", "bc"}),
                                      checksum_of({1, "", ""})};
  EXPECT_EQ(sums.size(), 3u);
  for (const auto& s : sums) EXPECT_EQ(s.size(), 16u);
  EXPECT_EQ(checksum_of({1, "a", "b"}), checksum_of({2, "a", "b"}));
}

TEST(migration_plan, knows_a_namespace_when_it_sees_one) {
  for (const char* name : {"a", "cache_default", "z9_"}) EXPECT_TRUE(is_namespace(name)) << name;
  for (const char* name : {"", "9a", "_", "A", "a b", "a-b", "a/../b"}) EXPECT_FALSE(is_namespace(name)) << name;
}

}  // namespace
}  // namespace troupe
