// The wire form of reliable delivery.
#include "runtime/delivery/delivery_message.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

TEST(delivery_message, survives_the_way) {
  const delivery_frame f{{1, 2}, 7, 5, true, true, std::string("a\0b", 3)};
  const auto back = decode_delivery_frame(encode(f));
  ASSERT_TRUE(back) << describe(back.error());
  EXPECT_EQ(*back, f);
  const delivery_ack a{{1, 2}, {3, 4}, 9, 7, {{5, errc::conflict}, {7, errc::not_found}}};
  EXPECT_EQ(*decode_delivery_ack(encode(a)), a);
}

TEST(delivery_message, is_refused_when_it_was_cut_off_at_any_byte) {
  const auto frame = encode(delivery_frame{{1, 2}, 7, 5, true, true, "content"});
  for (std::size_t n = 0; n < frame.size(); ++n)
    EXPECT_FALSE(decode_delivery_frame(std::string_view(frame).substr(0, n))) << n;
  const auto ack = encode(delivery_ack{{1, 2}, {3, 4}, 9, 7, {{5, errc::conflict}}});
  for (std::size_t n = 0; n < ack.size(); ++n)
    EXPECT_FALSE(decode_delivery_ack(std::string_view(ack).substr(0, n))) << n;
}

TEST(delivery_message, is_refused_when_it_makes_no_sense) {
  const auto refused = [](const delivery_frame& f) { return !decode_delivery_frame(encode(f)); };
  EXPECT_TRUE(refused({{1, 2}, 4, 5, true, true, "x"})) << "below what was handled";
  EXPECT_TRUE(refused({{1, 2}, 4, 0, true, true, "x"}));
  EXPECT_TRUE(refused({{1, 2}, delivery_sequence_max, 1, true, true, "x"}));
  EXPECT_TRUE(refused({{1, 2}, 1, 1, true, true, std::string(delivery_piece_bytes_max + 1, 'x')}));
  EXPECT_FALSE(decode_delivery_ack(encode(delivery_ack{{1, 2}, {3, 4}, 7, 9}))) << "handled before it was received";
  EXPECT_FALSE(decode_delivery_ack(encode(delivery_ack{{1, 2}, {3, 4}, delivery_sequence_max, 1})));
  EXPECT_FALSE(decode_delivery_ack(encode(delivery_ack{{1, 2}, {3, 4}, 9, 7, {{8, errc::conflict}}})));
  EXPECT_FALSE(decode_delivery_ack(encode(delivery_ack{{1, 2}, {3, 4}, 9, 7, {{5, errc::ok}}})));
  EXPECT_FALSE(decode_delivery_frame("\xff\xff"));
}

}  // namespace
}  // namespace troupe
