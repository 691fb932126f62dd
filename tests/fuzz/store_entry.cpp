// Fuzz entry: the value under a leader store's key, which anybody may have written. What passes the decoder
// reads back as the same, and its record passes or is refused.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "runtime/base/check.hpp"
#include "runtime/election/record.hpp"
#include "runtime/election/store_entry.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto entry = troupe::decode_store_value(bytes);
  if (!entry) return 0;
  const auto again = troupe::encode_store_value(*entry);
  TROUPE_CHECK(again.has_value());
  const auto second = troupe::decode_store_value(*again);
  TROUPE_CHECK(second.has_value() && *second == *entry);
  (void)troupe::decode_record(entry->record);
  return 0;
}
