#include <troupe/fault_plan.hpp>

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using kind = planned_fault::kind;

const fault_plan one_of_each{{kind::kill, 3100ms, 800ms, {1}, 0, {}},
                             {kind::partition, 5s, 2s, {0, 2}, 0, {}},
                             {kind::loss, 1s, 500ms, {}, 20, {}},
                             {kind::delay, 1s, 3s, {}, 0, 120ms},
                             {kind::pause, 0s, 1s, {0}, 0, {}}};

TEST(fault_plan, is_read_from_its_own_text) {
  EXPECT_EQ(to_text(one_of_each),
            "kill n2 at 3100ms for 800ms; partition n1 n3 at 5s for 2s; loss 20% at 1s for 500ms; "
            "delay 120ms at 1s for 3s; pause n1 at 0s for 1s");
  EXPECT_EQ(parse_fault_plan(to_text(one_of_each)).value(), one_of_each);
  EXPECT_EQ(parse_fault_plan("no faults").value(), fault_plan());
  EXPECT_EQ(parse_fault_plan("").value(), fault_plan());
  EXPECT_EQ(to_text({}), "no faults");
}

TEST(fault_plan, text_that_is_none_is_refused_with_its_place) {
  for (const auto* text :
       {"kill", "kill n2", "kill n2 at 3s", "kill n2 at 3s for", "kill n2 at x for 1s", "kill n0 at 3s for 1s",
        "kill 2 at 3s for 1s", "kill n1 n2 at 3s for 1s", "melt n1 at 3s for 1s", "loss 20 at 3s for 1s",
        "loss 120% at 3s for 1s", "loss % at 3s for 1s", "delay at 3s for 1s", "delay x at 3s for 1s",
        "partition nx at 3s for 1s", "kill n1 at 2h for 1s", "kill n1 at 3s for 1s; pause"}) {
    const auto plan = parse_fault_plan(text);
    ASSERT_FALSE(plan) << text;
    EXPECT_EQ(plan.error().code, errc::invalid_argument) << text;
  }
  EXPECT_NE(parse_fault_plan("kill n1 at 3s for 1s; pause").error().context.find("pause"), std::string::npos);
}

TEST(fault_plan, that_does_not_fit_its_cluster_is_told) {
  EXPECT_EQ(fault_of(one_of_each, 3), "");
  EXPECT_NE(fault_of(one_of_each, 2).find("no such node"), std::string::npos);
  EXPECT_NE(fault_of({{kind::kill, 1s, 1s, {}, 0, {}}}, 3), "");
  EXPECT_NE(fault_of({{kind::pause, 1s, 1s, {0, 1}, 0, {}}}, 3), "");
  EXPECT_NE(fault_of({{kind::loss, 1s, 1s, {}, 101, {}}}, 3), "");
  EXPECT_NE(fault_of({{kind::kill, -1s, 1s, {0}, 0, {}}}, 3), "");
}

TEST(fault_plan, is_the_same_for_a_seed_and_fits) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const auto plan = draw_fault_plan({}, 3, 30s, seed);
    EXPECT_EQ(plan, draw_fault_plan({}, 3, 30s, seed));
    EXPECT_EQ(fault_of(plan, 3), "");
    EXPECT_EQ(parse_fault_plan(to_text(plan)).value(), plan);
    duration free_at{};
    for (const auto& f : plan) {
      EXPECT_LE(f.at + f.lasts, 30s + 10ms);
      if (f.what != kind::kill) continue;
      EXPECT_GE(f.at, free_at) << "copies had no time to be made again";
      free_at = f.at + f.lasts + fault_rates().between_kills;
    }
  }
  EXPECT_NE(draw_fault_plan({}, 3, 30s, 1), draw_fault_plan({}, 3, 30s, 2));
  EXPECT_TRUE(draw_fault_plan(fault_rates::none(), 3, 30s, 1).empty());
}

}  // namespace
}  // namespace troupe
