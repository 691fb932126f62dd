// The text of a key ring: what is read is a sound ring that reads back from its own text.
#include <cstdint>
#include <string_view>

#include "actors/net/key_ring.hpp"
#include "runtime/base/check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto ring = troupe::key_ring::decode({reinterpret_cast<const char*>(bytes), size});
  if (!ring) return 0;
  TROUPE_CHECK(!ring->keys().empty() && ring->keys().size() <= troupe::key_ring::keys_max);
  const auto again = troupe::key_ring::decode(ring->encode());
  TROUPE_CHECK(again.has_value() && *again == *ring);
  return 0;
}
