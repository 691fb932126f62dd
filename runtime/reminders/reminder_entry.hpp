// How a reminder of a grain is kept in a cache: its key, which lies in the grain's shard, and its value.
//
//   key    @<the grain's key>@<name>        "@account/{42}@close"; without a name: the grain is remembered
//   value  version u8 = 1 | due u64 (ms since 1970) | period u64 (ms; 0: once) | payload
//
// No key of a grain's state begins with '@', so the state and the reminders may be in one cache.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <troupe/error.hpp>
#include <troupe/reminder.hpp>

namespace troupe {

/// errc::invalid_argument for a bad name, a payload or a period beyond its limits, or a time before 1970.
[[nodiscard]] expected<void> check_reminder_name(std::string_view name);
[[nodiscard]] expected<void> check(const reminder& r);

/// What the keys of all reminders of a grain begin with. errc::invalid_argument when they would be in another shard
/// than the grain: its id has a '}' and no hash tag.
[[nodiscard]] expected<std::string> reminder_prefix(std::string_view type, std::string_view id);

struct reminder_key {
  std::string_view grain;  // its key; borrowed, as the others
  std::string_view type;
  std::string_view id;
  std::string_view name;  // empty: the grain is remembered
};
/// None for a key that is no reminder's.
[[nodiscard]] std::optional<reminder_key> read_reminder_key(std::string_view key);

struct reminder_entry {
  std::uint64_t due = 0;     // ms since 1970
  std::uint64_t period = 0;  // ms
  std::string_view payload;  // borrowed

  bool operator==(const reminder_entry&) const = default;
};
[[nodiscard]] std::string encode(const reminder_entry& e);
/// errc::corrupt for anything that encode() does not make; errc::not_implemented for a later version.
[[nodiscard]] expected<reminder_entry> decode_reminder(std::string_view bytes);

[[nodiscard]] reminder_entry entry_of(const reminder& r);
[[nodiscard]] wall_time wall_time_of(std::uint64_t ms);

}  // namespace troupe
