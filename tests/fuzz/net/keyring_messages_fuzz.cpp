// The messages of the key ring between members.
#include <cstdint>
#include <string_view>

#include "actors/keyring/keyring_wire.hpp"
#include "runtime/base/check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  if (const auto request = troupe::decode_keyring_request(input)) {
    TROUPE_CHECK(troupe::decode_keyring_request(encode(*request)).has_value());
  }
  if (const auto answer = troupe::decode_keyring_answer(input)) {
    TROUPE_CHECK(!answer->fingerprints.empty());
    TROUPE_CHECK(troupe::decode_keyring_answer(encode(*answer)).has_value());
  }
  return 0;
}
