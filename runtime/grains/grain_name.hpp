// The name of a grain, (type, id), the key that decides its shard, and what goes before a message for it on the wire.
//
// The key is that of the grain's state in a cache: "account/{42}" for (account, 42), so that a grain lives where its
// state lives, and where every key with the same hash tag does. An id with a hash tag of its own keeps it:
// "line//{42}:7" for (line, {42}:7).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <troupe/error.hpp>
#include <troupe/ids.hpp>

namespace troupe {

inline constexpr std::size_t grain_type_bytes_max = 64;
inline constexpr std::size_t grain_id_bytes_max = 256;

/// errc::invalid_argument: a type is 1 to 64 characters of a-z, 0-9, '_', '-' and '.', an id 1 to 256 bytes.
[[nodiscard]] expected<void> check_grain_type(std::string_view type);
[[nodiscard]] expected<void> check_grain(std::string_view type, std::string_view id);

/// Distinct for distinct sound names.
[[nodiscard]] std::string grain_key(std::string_view type, std::string_view id);

/// Before a message that one node sends another for a grain. Views are borrowed from the bytes.
///   version u8 = 1 | hops u8 | term u64 | epoch u64 | length of the type u8 | type | id
struct grain_address {
  std::string_view type;
  std::string_view id;
  std::uint8_t hops = 0;  // from node to node so far
  stamp known{};          // of the table by which the sender chose the receiver

  bool operator==(const grain_address&) const = default;
};
[[nodiscard]] std::string encode(const grain_address& a);
/// errc::corrupt for anything else than what encode() makes of a sound name; errc::not_implemented for a later version.
[[nodiscard]] expected<grain_address> decode_grain_address(std::string_view bytes);

}  // namespace troupe
