// A leader store's entry as bytes: others write there too, by mistake, and disks and cables err.
#include "runtime/election/store_entry.hpp"

#include <gtest/gtest.h>

#include "runtime/election/record.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

leader_entry sample() {
  leader_entry e;
  e.term = 7;
  e.leader = "node one";
  e.leader_id = {3, 4};
  e.address = "10.0.0.1:7070";
  e.lease = 3s;
  e.floor_open = true;
  e.record = std::string("bytes\0with\nall\xff kinds", 20);
  return e;
}

void expect_corrupt(std::string_view bytes) {
  const auto decoded = decode_store_value(bytes);
  ASSERT_FALSE(decoded) << bytes;
  EXPECT_EQ(decoded.error().code, errc::corrupt);
}

TEST(store_entry, comes_back_as_it_was_written) {
  EXPECT_EQ(decode_store_value(*encode_store_value(sample())), sample());
  leader_entry founding;
  founding.lease = 3s;
  founding.record = "r";
  EXPECT_EQ(decode_store_value(*encode_store_value(founding)), founding);
}

TEST(store_entry, tells_a_person_who_leads) {
  const auto bytes = *encode_store_value(sample());
  EXPECT_EQ(bytes.substr(0, 16), "troupe-leader 1 ");
  EXPECT_NE(bytes.find(" 10.0.0.1:7070 node one\n"), std::string::npos) << bytes;
}

TEST(store_entry, is_refused_when_it_is_cut_at_any_byte_or_goes_on) {
  const auto bytes = *encode_store_value(sample());
  for (std::size_t n = 0; n < bytes.size(); ++n) expect_corrupt(std::string_view(bytes).substr(0, n));
  expect_corrupt(bytes + '\0');
}

TEST(store_entry, is_refused_when_any_bit_is_wrong) {
  const auto bytes = *encode_store_value(sample());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      auto wrong = bytes;
      wrong[i] = static_cast<char>(static_cast<unsigned char>(wrong[i]) ^ (1U << bit));
      expect_corrupt(wrong);
    }
  }
}

TEST(store_entry, what_others_put_there_is_named_and_the_limits_hold) {
  for (const auto* other : {"", "\n", "7", "{\"leader\":\"a\"}\n", "troupe-leader 1 2 3 4 5 6 7 8\n"})
    expect_corrupt(other);
  const auto later = decode_store_value("troupe-leader 2 0 0 0 0 0 - \n");
  ASSERT_FALSE(later);
  EXPECT_NE(later.error().context.find("another version"), std::string::npos);
  auto large = sample();
  large.record.resize(leader_entry_bytes_max);
  const auto refused = encode_store_value(large);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::too_large);
  auto nobody = sample();
  nobody.leader.clear();
  expect_corrupt(*encode_store_value(nobody));
  auto forever = sample();
  forever.lease = std::chrono::hours(24 * 365);
  expect_corrupt(*encode_store_value(forever));
}

TEST(store_entry, has_a_key_that_every_store_takes) {
  EXPECT_EQ(store_key_of("orders"), "troupe/orders/leader");
  EXPECT_LE(store_key_of(std::string(64, 'x')).size(), leader_key_bytes_max);
}

}  // namespace
}  // namespace troupe
