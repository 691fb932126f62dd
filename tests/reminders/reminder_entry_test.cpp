#include "runtime/reminders/reminder_entry.hpp"

#include <gtest/gtest.h>

#include "runtime/grains/grain_name.hpp"
#include "runtime/sharding/slot.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

TEST(reminder_entry, its_key_lies_where_its_grain_does_and_is_read_back) {
  for (const std::string id : {"42", "{42}:7", "a@b", "@", "a/b", "/", "{", "x{y", "{a}{b}", "\x01\xff"}) {
    const auto prefix = reminder_prefix("account", id);
    ASSERT_TRUE(prefix) << id;
    for (const std::string name : {"", "close", "a.b-c_1"}) {
      const auto key = *prefix + name;
      EXPECT_EQ(slot_of(key), slot_of(grain_key("account", id))) << key;
      const auto read = read_reminder_key(key);
      ASSERT_TRUE(read) << key;
      EXPECT_EQ(read->type, "account");
      EXPECT_EQ(read->id, id);
      EXPECT_EQ(read->name, name);
      EXPECT_EQ(read->grain, grain_key("account", id));
    }
  }
}

TEST(reminder_entry, a_grain_whose_reminders_would_be_elsewhere_has_none) {
  EXPECT_EQ(reminder_prefix("account", "a}b").error().code, errc::invalid_argument);
  EXPECT_EQ(reminder_prefix("Account", "1").error().code, errc::invalid_argument);
  EXPECT_EQ(reminder_prefix("account", "").error().code, errc::invalid_argument);
}

TEST(reminder_entry, other_keys_are_none_of_a_reminder) {
  for (const auto* key : {"", "@", "@@", "account/{42}", "@account/{42}", "@account/{42}@No", "@Account/{42}@x",
                          "@account@x", "@account/@x", "@account/{}@x", "@account/{42@x", "@account/42@x", "@/{42}@x"})
    EXPECT_FALSE(read_reminder_key(key)) << key;
}

TEST(reminder_entry, is_read_as_it_was_written_and_refused_at_every_truncation) {
  const reminder_entry e{1'700'000'000'123, 60'000, "payload"};
  const auto bytes = encode(e);
  ASSERT_TRUE(decode_reminder(bytes));
  EXPECT_EQ(*decode_reminder(bytes), e);
  EXPECT_EQ(*decode_reminder(encode(reminder_entry{})), reminder_entry{});
  for (std::size_t n = 0; n < 17; ++n) EXPECT_EQ(decode_reminder(bytes.substr(0, n)).error().code, errc::corrupt) << n;
  EXPECT_EQ(decode_reminder("\x02" + bytes.substr(1)).error().code, errc::not_implemented);
  EXPECT_EQ(decode_reminder(std::string(1, '\0') + bytes.substr(1)).error().code, errc::corrupt);
  EXPECT_EQ(decode_reminder(encode(reminder_entry{UINT64_MAX, 0, {}})).error().code, errc::corrupt);
  EXPECT_EQ(decode_reminder(bytes + std::string(reminder_payload_bytes_max, 'x')).error().code, errc::corrupt);
}

TEST(reminder_entry, has_limits) {
  const auto due = wall_time(1'700'000'000'000ms);
  EXPECT_TRUE(check(reminder{"close", due}));
  EXPECT_TRUE(check(reminder{std::string(64, 'a'), due, 100ms, std::string(1024, 'x')}));
  for (const auto& bad :
       {reminder{"", due}, reminder{std::string(65, 'a'), due}, reminder{"a b", due}, reminder{"a@b", due},
        reminder{"a", due, 99ms}, reminder{"a", due, -1s}, reminder{"a", due, 100ms + 1ns},
        reminder{"a", due, {}, std::string(1025, 'x')}, reminder{"a", wall_time(-1ms)}})
    EXPECT_EQ(check(bad).error().code, errc::invalid_argument) << bad.name;
}

}  // namespace
}  // namespace troupe
