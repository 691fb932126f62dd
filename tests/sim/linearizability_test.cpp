// The checker itself: it accepts what can be explained and finds what cannot.
#include "tests/sim/linearizability.hpp"

#include <gtest/gtest.h>

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;
using kind = register_operation::kind;

register_operation read(std::optional<std::string> v, duration b, duration e) { return {kind::read, {}, v, b, e}; }
register_operation write(std::optional<std::string> v, duration b, duration e = duration::max()) {
  return {kind::write, {}, v, b, e};
}
register_operation swap(std::optional<std::string> from, std::string to, duration b, duration e = duration::max()) {
  return {kind::write_if, from, to, b, e};
}

TEST(linearizability, accepts_a_history_in_order) {
  EXPECT_EQ(explain_history({write("a", 1s, 2s), read("a", 3s, 4s), write({}, 5s, 6s), read({}, 7s, 8s)}), "");
  EXPECT_EQ(explain_history({}), "");
}

TEST(linearizability, lets_overlapping_operations_take_either_order) {
  EXPECT_EQ(explain_history({write("a", 1s, 9s), write("b", 1s, 9s), read("a", 10s, 11s)}), "");
  EXPECT_EQ(explain_history({write("a", 1s, 9s), write("b", 1s, 9s), read("b", 10s, 11s)}), "");
}

TEST(linearizability, finds_a_stale_read) {
  EXPECT_NE(explain_history({write("a", 1s, 2s), write("b", 3s, 4s), read("a", 5s, 6s)}), "");
}

TEST(linearizability, finds_a_lost_write) { EXPECT_NE(explain_history({write("a", 1s, 2s), read({}, 3s, 4s)}), ""); }

TEST(linearizability, finds_reads_that_go_back) {
  EXPECT_NE(explain_history({write("a", 1s), read("a", 2s, 3s), read({}, 4s, 5s)}), "");
}

TEST(linearizability, lets_an_unknown_write_happen_late_or_never_but_once) {
  EXPECT_EQ(explain_history({write("a", 1s), read({}, 2s, 3s), read("a", 4s, 5s)}), "");
  EXPECT_EQ(explain_history({write("a", 1s), read({}, 2s, 3s), read({}, 4s, 5s)}), "");
  EXPECT_NE(explain_history({write("a", 1s), read("a", 2s, 3s), write("b", 4s, 5s), read("a", 6s, 7s)}), "");
}

TEST(linearizability, finds_two_winners_of_one_compare_and_set) {
  EXPECT_NE(explain_history({swap({}, "a", 1s, 5s), swap({}, "b", 1s, 5s)}), "");
  EXPECT_EQ(explain_history({swap({}, "a", 1s, 5s), {kind::write_if_missed, {}, {}, 1s, 5s}, read("a", 6s, 7s)}), "");
  EXPECT_NE(explain_history({{kind::write_if_missed, {}, {}, 1s, 2s}}), "");
}

TEST(linearizability, a_refused_condition_must_have_been_false) {
  EXPECT_NE(explain_history({write("a", 1s, 2s), {kind::write_if_missed, "a", {}, 3s, 4s}}), "");
}

TEST(linearizability, decides_long_histories_with_many_unknown_outcomes) {
  std::vector<register_operation> h;
  for (int i = 0; i < 300; ++i) {
    const auto at = std::chrono::milliseconds(10 * i);
    h.push_back(write("v" + std::to_string(i), at, at + 5ms));
    if (i % 50 == 0) h.push_back(write("lost" + std::to_string(i), at));
    h.push_back(read("v" + std::to_string(i), at + 6ms, at + 7ms));
  }
  EXPECT_EQ(explain_history(h), "");
  h.push_back(read("v7", 10s, 11s));
  EXPECT_NE(explain_history(h).find("no order"), std::string::npos);
}

}  // namespace
}  // namespace troupe::sim
