#include <gtest/gtest.h>

#include "actors/net/drop_log.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

TEST(drop_log, writes_one_line_a_minute_for_a_source_and_one_a_second_for_all) {
  const auto log = event_log::none();
  drop_log drops(*log);
  const time_point start = time_point{} + 1h;
  EXPECT_TRUE(drops.note("10.0.0.1:1", packet_drop::forged, start));
  EXPECT_FALSE(drops.note("10.0.0.1:2", packet_drop::plain, start + 2s)) << "the same host on another port";
  EXPECT_FALSE(drops.note("10.0.0.2:1", packet_drop::forged, start + 500ms));
  EXPECT_TRUE(drops.note("10.0.0.2:1", packet_drop::forged, start + 2s));
  EXPECT_TRUE(drops.note("10.0.0.1:1", packet_drop::forged, start + 61s));
}

TEST(drop_log, remembers_a_bounded_number_of_sources) {
  const auto log = event_log::none();
  drop_log drops(*log);
  time_point now = time_point{} + 1h;
  std::size_t lines = 0;
  for (std::size_t i = 0; i < drop_log::sources_max + 100; ++i) {
    now += 1s;
    lines += drops.note(std::to_string(i) + ":1", packet_drop::forged, now) ? 1 : 0;
  }
  EXPECT_GE(lines, drop_log::sources_max);
}

}  // namespace
}  // namespace troupe
