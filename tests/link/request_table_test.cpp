#include "runtime/link/request_table.hpp"

#include <string>

#include <gtest/gtest.h>

namespace troupe {
namespace {

using std::chrono::milliseconds;
using table = request_table<std::string>;

time_point at(int ms) { return time_point{} + milliseconds(ms); }

void add(table& t, std::uint64_t id, int ms) {
  auto entry = std::to_string(id);
  ASSERT_TRUE(t.add(id, at(ms), entry));
}

TEST(request_table, gives_an_entry_out_once) {
  table t(10);
  add(t, 1, 5);
  EXPECT_EQ(t.take(1), "1");
  EXPECT_EQ(t.take(1), std::nullopt);
  EXPECT_TRUE(t.expire(at(100)).empty());
}

TEST(request_table, expires_by_deadline) {
  table t(10);
  add(t, 1, 30);
  add(t, 2, 10);
  add(t, 3, 20);
  EXPECT_TRUE(t.expire(at(9)).empty());
  EXPECT_EQ(t.expire(at(20)), (std::vector<std::string>{"2", "3"}));
  EXPECT_EQ(t.size(), 1u);
  EXPECT_EQ(t.take(2), std::nullopt);
}

TEST(request_table, gives_everything_out_when_the_peer_is_lost) {
  table t(10);
  add(t, 1, 30);
  add(t, 2, 10);
  EXPECT_EQ(t.take_all(), (std::vector<std::string>{"2", "1"}));
  EXPECT_TRUE(t.empty());
}

TEST(request_table, is_bounded_and_leaves_a_refused_entry_alone) {
  table t(1);
  add(t, 1, 30);
  std::string entry = "second";
  EXPECT_FALSE(t.add(2, at(1), entry));
  EXPECT_EQ(entry, "second");
  EXPECT_EQ(t.take(1), "1");
  add(t, 3, 1);
  EXPECT_FALSE(t.add(3, at(1), entry));
}

TEST(request_table, absorbs_another) {
  table t(10);
  table other(10);
  add(t, 1, 30);
  add(other, 2, 10);
  t.absorb(other);
  EXPECT_TRUE(other.empty());
  EXPECT_EQ(t.expire(at(10)), (std::vector<std::string>{"2"}));
  EXPECT_EQ(t.take(1), "1");
}

}  // namespace
}  // namespace troupe
