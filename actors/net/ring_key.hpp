// One key of the cluster's key ring: 32 bytes from which the keys of gossip, of the link's handshake
// and of the ring's own messages are derived (HKDF-SHA256, RFC 5869), each under its label and the
// cluster's name, so that none of them says anything about another.
//
// For people a key has a fingerprint; the key itself is never shown.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include <troupe/error.hpp>

namespace troupe {

inline constexpr std::size_t ring_key_size = 32;
inline constexpr std::size_t fingerprint_size = 16;  // hexadecimal digits

struct ring_key {
  std::array<char, ring_key_size> bytes{};
  [[nodiscard]] bool operator==(const ring_key&) const = default;
};

/// Reads the base64 (RFC 4648) of 32 bytes. errc::invalid_argument otherwise; the text is not repeated.
[[nodiscard]] expected<ring_key> parse_ring_key(std::string_view base64);
[[nodiscard]] std::string to_base64(const ring_key& k);

/// The key that a secret file stands for: a file that holds the base64 of 32 bytes is that key, so that a
/// key of the ring can be given to new nodes; anything else is derived from.
[[nodiscard]] ring_key ring_key_of_secret(std::string_view secret, std::string_view cluster);

/// 16 hexadecimal digits; the same key has the same ones in every cluster.
[[nodiscard]] std::string fingerprint_of(const ring_key& k);
[[nodiscard]] bool is_fingerprint(std::string_view text) noexcept;

/// HKDF-SHA256 of the key for one use in one cluster.
[[nodiscard]] ring_key derive(const ring_key& k, std::string_view label, std::string_view cluster);

}  // namespace troupe
