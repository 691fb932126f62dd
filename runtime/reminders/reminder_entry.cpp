#include "runtime/reminders/reminder_entry.hpp"

#include <algorithm>
#include <limits>

#include "runtime/grains/grain_name.hpp"
#include "runtime/link/wire_bytes.hpp"
#include "runtime/sharding/slot.hpp"

namespace troupe {

namespace {

using std::chrono::milliseconds;

constexpr std::uint8_t entry_version = 1;
constexpr std::uint64_t ms_most = std::numeric_limits<std::int64_t>::max() / 2;

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

bool is_name(std::string_view name) {
  return name.size() <= reminder_name_bytes_max && std::all_of(name.begin(), name.end(), is_name_character);
}

}  // namespace

expected<void> check_reminder_name(std::string_view name) {
  if (name.empty() || !is_name(name))
    return fail(errc::invalid_argument, "a reminder's name is 1 to 64 characters of a-z, 0-9, '_', '-' and '.'");
  return {};
}

expected<void> check(const reminder& r) {
  if (auto sound = check_reminder_name(r.name); !sound) return sound;
  if (r.payload.size() > reminder_payload_bytes_max)
    return fail(errc::invalid_argument, "a reminder's payload has at most 1024 bytes");
  const bool whole = r.period == std::chrono::duration_cast<milliseconds>(r.period);
  if (r.period != duration::zero() && (r.period < reminder_period_min || !whole))
    return fail(errc::invalid_argument, "a reminder's period is 100 ms or more, in whole milliseconds");
  if (r.due.time_since_epoch() < milliseconds::zero() || r.due.time_since_epoch().count() > std::int64_t{ms_most})
    return fail(errc::invalid_argument, "a reminder is due at a time after 1970");
  return {};
}

expected<std::string> reminder_prefix(std::string_view type, std::string_view id) {
  if (auto sound = check_grain(type, id); !sound) return tl::unexpected<error>(sound.error());
  const auto grain = grain_key(type, id);
  auto prefix = '@' + grain + '@';
  if (slot_of(prefix) != slot_of(grain))
    return fail(errc::invalid_argument, "a grain with '}' in its id, and no hash tag there, has no reminders");
  return prefix;
}

std::optional<reminder_key> read_reminder_key(std::string_view key) {
  const auto end = key.rfind('@');
  if (!key.starts_with('@') || end == 0) return std::nullopt;
  reminder_key k;
  k.name = key.substr(end + 1);
  k.grain = key.substr(1, end - 1);
  const auto slash = k.grain.find('/');
  if (slash == std::string_view::npos || !is_name(k.name)) return std::nullopt;
  k.type = k.grain.substr(0, slash);
  k.id = k.grain.substr(slash + 1);
  if (k.id.starts_with('/'))
    k.id.remove_prefix(1);
  else if (k.id.size() > 1)
    k.id = k.id.substr(1, k.id.size() - 2);
  if (!check_grain(k.type, k.id) || grain_key(k.type, k.id) != k.grain) return std::nullopt;
  return k;
}

std::string encode(const reminder_entry& e) {
  std::string bytes;
  bytes.reserve(17 + e.payload.size());
  append_le(bytes, entry_version);
  append_le(bytes, e.due);
  append_le(bytes, e.period);
  bytes += e.payload;
  return bytes;
}

expected<reminder_entry> decode_reminder(std::string_view bytes) {
  wire_reader in(bytes);
  const auto version = in.take<std::uint8_t>();
  if (in.good() && version > entry_version) return fail(errc::not_implemented, "a reminder of a later version");
  reminder_entry e;
  e.due = in.take<std::uint64_t>();
  e.period = in.take<std::uint64_t>();
  e.payload = in.rest();
  const bool bounded = e.due <= ms_most && e.period <= ms_most && e.payload.size() <= reminder_payload_bytes_max;
  if (!in.good() || version != entry_version || !bounded) return fail(errc::corrupt, "a reminder that cannot be read");
  return e;
}

reminder_entry entry_of(const reminder& r) {
  return {static_cast<std::uint64_t>(r.due.time_since_epoch().count()),
          static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(r.period).count()), r.payload};
}

wall_time wall_time_of(std::uint64_t ms) { return wall_time(milliseconds(static_cast<std::int64_t>(ms))); }

}  // namespace troupe
