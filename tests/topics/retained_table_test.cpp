// Retained values: the highest stamp stays, and tables that differ become the same.
#include "runtime/topics/retained_table.hpp"

#include <random>

#include <gtest/gtest.h>

namespace troupe {
namespace {

topic_content content(std::string bytes) { return std::make_shared<const std::string>(std::move(bytes)); }

retained_value value(std::uint64_t count, const std::string& bytes, std::uint64_t publisher = 1) {
  return {{count, {1, publisher}}, content(bytes)};
}
retained_value gone(std::uint64_t count) { return {{count, {1, 1}}, nullptr}; }

/// Question and answers until nobody has more to say; how many there were.
int repair(retained_table& a, retained_table& b) {
  std::vector<retained_row> stored;
  std::optional<retained_message> m = a.question();
  int said = 0;
  for (auto* to = &b; m && said < 100; to = to == &b ? &a : &b, ++said) m = to->on_message(*m, stored);
  return said;
}

TEST(retained_table, keeps_the_highest_stamp) {
  retained_table t;
  EXPECT_TRUE(t.put("a", value(5, "five")));
  EXPECT_FALSE(t.put("a", value(4, "four")));
  EXPECT_FALSE(t.put("a", value(5, "five")));
  EXPECT_TRUE(t.put("a", value(5, "the other publisher's", 2)));
  EXPECT_EQ(*t.find("a")->content, "the other publisher's");
  EXPECT_EQ(t.find("b"), nullptr);
  EXPECT_TRUE(t.put("a", gone(6)));
  EXPECT_EQ(t.find("a"), nullptr);
  EXPECT_FALSE(t.put("a", value(5, "late")));
  EXPECT_EQ(t.topics(), 0u);
  EXPECT_EQ(t.bytes(), 0u);
  EXPECT_EQ(t.sum(), retained_table().sum());
}

TEST(retained_table, of_two_nodes_become_the_same) {
  retained_table a;
  retained_table b;
  EXPECT_EQ(repair(a, b), 1) << "they are the same";
  a.put("only a", value(1, "x"));
  b.put("only b", value(2, "y"));
  a.put("both", value(3, "old"));
  b.put("both", value(4, "new"));
  a.put("taken back at a", gone(9));
  b.put("taken back at a", value(8, "z"));
  b.put("taken back at b", gone(9));
  a.put("taken back at b", value(8, "z"));
  (void)repair(a, b);
  EXPECT_EQ(a.sum(), b.sum());
  EXPECT_EQ(*a.find("both")->content, "new");
  EXPECT_EQ(*b.find("only a")->content, "x");
  EXPECT_EQ(a.find("taken back at b"), nullptr);
  EXPECT_EQ(b.find("taken back at a"), nullptr);
  EXPECT_EQ(repair(a, b), 1);
}

TEST(retained_table, large_differences_come_in_parts) {
  retained_table a;
  retained_table b;
  for (std::uint64_t i = 1; i <= 20; ++i)
    a.put("t" + std::to_string(i), value(i, std::string(retained_packet_bytes_max / 4, 'x')));
  const auto said = repair(b, a);
  EXPECT_GT(said, 5);
  EXPECT_LT(said, 60);
  EXPECT_EQ(a.sum(), b.sum());
  retained_table c;
  (void)repair(a, c);
  EXPECT_EQ(a.sum(), c.sum()) << "whoever asks";
}

TEST(retained_table, of_many_nodes_become_the_same_whatever_happened) {
  for (unsigned seed = 1; seed <= 30; ++seed) {
    std::mt19937 random(seed);
    std::vector<retained_table> nodes(4);
    for (std::uint64_t count = 1; count < 300; ++count) {
      const auto topic = "t" + std::to_string(random() % 12);
      const auto v = random() % 4 == 0 ? gone(count) : value(count, "v" + std::to_string(count), random() % 3);
      for (auto& n : nodes) {
        if (random() % 3 == 0) n.put(topic, v);
      }
    }
    for (int round = 0; round < 3; ++round) {
      for (auto& a : nodes) {
        for (auto& b : nodes) {
          if (&a != &b) (void)repair(a, b);
        }
      }
    }
    for (const auto& n : nodes) EXPECT_EQ(n.sum(), nodes[0].sum()) << seed;
  }
}

TEST(retained_table, has_bounds) {
  retained_table t;
  for (std::size_t i = 0; i < retained_topics_max; ++i) {
    ASSERT_TRUE(t.may_add("t" + std::to_string(i), 1));
    ASSERT_TRUE(t.put("t" + std::to_string(i), value(i + 1, "x")));
  }
  EXPECT_EQ(t.may_add("one more", 1).error().code, errc::unavailable);
  EXPECT_TRUE(t.may_add("t1", 1)) << "it has one";
  EXPECT_EQ(t.may_add("t1", retained_bytes_max).error().code, errc::unavailable);
  for (std::size_t i = 0; i < 2 * retained_topics_max; ++i) (void)t.put("u" + std::to_string(i), value(i + 1, "x"));
  EXPECT_EQ(t.topics(), retained_excess * retained_topics_max);
  EXPECT_GT(t.refused(), 0u);
  for (std::size_t i = 0; i < 3 * retained_gone_max; ++i) (void)t.put("g" + std::to_string(i), gone(100 + i));
  EXPECT_LE(t.rows().size(), retained_excess * retained_topics_max + retained_gone_max);
}

}  // namespace
}  // namespace troupe
