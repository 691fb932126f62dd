// What arrives by multicast, once it is opened.
#include <cstdint>
#include <string_view>

#include "actors/net/announcement.hpp"
#include "runtime/base/check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto said = troupe::decode_announcement({reinterpret_cast<const char*>(bytes), size});
  if (!said) return 0;
  TROUPE_CHECK(!said->address.empty() && !said->id.empty());
  TROUPE_CHECK(troupe::decode_announcement(encode(*said)).has_value());
  return 0;
}
