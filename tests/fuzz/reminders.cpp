// Fuzz entry: key and value of a reminder in a cache that anybody may write to: two bytes that say how long the key is,
// the key, the value. What passes reads back as the same.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/check.hpp"
#include "runtime/grains/grain_name.hpp"
#include "runtime/reminders/reminder_entry.hpp"
#include "runtime/sharding/slot.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t length = data[0] | data[1] << 8;
  bytes.remove_prefix(2);
  const auto key = bytes.substr(0, length);
  if (const auto k = troupe::read_reminder_key(key)) {
    const auto prefix = troupe::reminder_prefix(k->type, k->id);
    TROUPE_CHECK(!prefix || *prefix + std::string(k->name) == key);
    TROUPE_CHECK(troupe::grain_key(k->type, k->id) == k->grain);
    TROUPE_CHECK(!prefix || troupe::slot_of(key) == troupe::slot_of(k->grain));
  }
  const auto value = bytes.substr(key.size());
  if (const auto e = troupe::decode_reminder(value)) TROUPE_CHECK(troupe::encode(*e) == value);
  return 0;
}
