// The wire form of what nodes tell each other about registered actors (runtime/proto/troupe/wire/registry.proto).
//
// Decoding refuses whatever was cut off or is beyond a limit, and allocates no more than a few times what the message
// holds.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>

#include "runtime/registry/registry_ledger.hpp"

namespace troupe {

inline constexpr std::size_t registry_owners_max = 10'000;          // in one message
inline constexpr std::size_t registry_changes_max = 65'536;         // in one message; a ledger fits
inline constexpr std::size_t registry_bytes_max = 4 * 1024 * 1024;  // of keys in one message, but for its first update

struct registry_version {
  incarnation_id owner;
  std::uint64_t version = 0;

  bool operator==(const registry_version&) const = default;
};

struct registry_message {
  std::vector<registry_version> known;  // asks for what is newer
  bool whole = false;                   // what is not in `known` is wanted too
  std::vector<registry_update> updates;
  std::vector<registry_version> wanted;  // the sender has only this of it
  bool more = false;                     // not everything had room: ask again

  bool operator==(const registry_message&) const = default;
};

[[nodiscard]] std::string encode(const registry_message& m);
/// errc::corrupt: cut off, beyond a limit, a key that is none, versions out of order.
[[nodiscard]] expected<registry_message> decode_registry_message(std::string_view bytes);

}  // namespace troupe
