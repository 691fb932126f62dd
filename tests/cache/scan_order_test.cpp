// Homes stay spread over a table, in whatever order it is filled or emptied.
#include "runtime/cache/scan_order.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/base/random.hpp"

namespace troupe {
namespace {

std::vector<std::uint32_t> positions(std::size_t count) {
  random r(7);
  std::vector<std::uint32_t> all(count);
  for (auto& p : all) p = static_cast<std::uint32_t>(r.next());
  return all;
}

std::size_t slots_for(std::size_t entries) {
  std::size_t slots = scan_order::block_slots;
  while (entries * 4 > slots * 3) slots *= 2;
  return slots;
}

// How far entries lie from their homes, on average.
double displacement(const std::vector<std::uint32_t>& entries, std::size_t slots) {
  scan_order order;
  order.resize(slots);
  std::vector<bool> full(slots);
  double sum = 0;
  for (const auto p : entries) {
    std::size_t slot = order.home_of(p);
    EXPECT_LT(slot, slots);
    for (; full[slot]; slot = (slot + 1) % slots) ++sum;
    full[slot] = true;
  }
  return sum / static_cast<double>(entries.size());
}

TEST(scan_order, turns_are_positions_from_the_other_end) {
  EXPECT_EQ(scan_order::turn_of(1), 0x80000000u);
  EXPECT_EQ(scan_order::turn_of(0x80000000u), 1u);
  for (const auto p : positions(1000)) EXPECT_EQ(scan_order::turn_of(scan_order::turn_of(p)), p);
}

TEST(scan_order, pieces_follow_each_other_and_hold_each_entry_once) {
  const auto all = positions(3000);
  for (std::size_t slots = scan_order::block_slots; slots <= 4096; slots *= 2) {
    scan_order order;
    order.resize(slots);
    std::size_t held = 0;
    std::uint64_t turn = 0;
    for (std::size_t step = 1; turn < scan_order::turns_end; step = step % 11 + 1) {
      const auto piece = order.piece_at(static_cast<std::uint32_t>(turn), step);
      ASSERT_GT(piece.end, turn);
      for (const auto p : all) {
        if (scan_order::turn_of(p) < turn || scan_order::turn_of(p) >= piece.end) continue;
        ++held;
        ASSERT_EQ(order.home_of(p) / scan_order::block_slots, piece.first / scan_order::block_slots);
      }
      turn = piece.end;
    }
    EXPECT_EQ(turn, scan_order::turns_end);
    EXPECT_EQ(held, all.size());
  }
}

TEST(scan_order, what_is_left_of_a_table_that_is_emptied_by_a_scan_is_spread_over_it) {
  auto all = positions(100'000);
  std::sort(all.begin(), all.end(),
            [](std::uint32_t a, std::uint32_t b) { return scan_order::turn_of(a) > scan_order::turn_of(b); });
  for (const std::size_t left : {50'000, 20'000, 5'000}) {
    all.resize(left);
    // The fewer are left the closer they lie, but never is the way to all of them longer than the table was large.
    EXPECT_LT(displacement(all, slots_for(left) * 2) * static_cast<double>(left), 150'000) << left;
  }
}

TEST(scan_order, a_table_that_is_filled_in_the_order_of_another_is_filled_evenly) {
  auto all = positions(200'000);
  scan_order large;
  large.resize(slots_for(all.size()));
  std::sort(all.begin(), all.end(),
            [&](std::uint32_t a, std::uint32_t b) { return large.home_of(a) < large.home_of(b); });
  for (const std::size_t filled : {100'000, 10'000, 1'000}) {
    const std::vector<std::uint32_t> part(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(filled));
    EXPECT_LT(displacement(part, slots_for(filled)), 16) << filled;
  }
}

}  // namespace
}  // namespace troupe
