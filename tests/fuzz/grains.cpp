// Fuzz entry: what goes before a message for a grain, and how reminders are kept in a cache, which others write, too.
// The first byte chooses. What passes is sound and is written again as the same bytes.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/check.hpp"
#include "runtime/grains/grain_name.hpp"
#include "runtime/reminders/reminder_entry.hpp"

namespace {

using namespace troupe;

void read_address(std::string_view bytes) {
  const auto a = decode_grain_address(bytes);
  if (!a) return;
  TROUPE_CHECK(check_grain(a->type, a->id).has_value());
  TROUPE_CHECK(encode(*a) == bytes);
}

void read_key(std::string_view bytes) {
  const auto k = read_reminder_key(bytes);
  if (!k) return;
  TROUPE_CHECK(grain_key(k->type, k->id) == k->grain);
  TROUPE_CHECK(k->name.empty() || check_reminder_name(k->name).has_value());
  const auto prefix = reminder_prefix(k->type, k->id);
  TROUPE_CHECK(!prefix || *prefix + std::string(k->name) == bytes);
}

void read_entry(std::string_view bytes) {
  const auto e = decode_reminder(bytes);
  if (!e) return;
  TROUPE_CHECK(e->payload.size() <= reminder_payload_bytes_max);
  TROUPE_CHECK(encode(*e) == bytes);
  TROUPE_CHECK(static_cast<std::uint64_t>(wall_time_of(e->due).time_since_epoch().count()) == e->due);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0: read_address(bytes); break;
    case 1: read_key(bytes); break;
    default: read_entry(bytes); break;
  }
  return 0;
}
