// Seals and opens what travels on the cluster port: AES-256-GCM under the keys of the ring.
//
//   0xE1 | purpose u8 | key id 4 | nonce 12 (sender's prefix 8, counter 4) | ciphertext | tag 16
//
// The first six bytes are authenticated, not encrypted. The primary key seals, but for a peer that was
// last heard under another key of the ring: it may not have the primary yet. All keys open; the key id
// says which. A nonce never repeats under a key: the prefix is drawn at random when a process starts and
// again after 2^32 - 1 packets, so that among 2^20 prefixes two are equal with probability below 2^-24.
// What was opened once is not opened again while this process runs (replay_window).
//
// Thread-safe. NOT promised: that a packet is recent, or that its sender's address is the real one.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <tl/expected.hpp>

#include "actors/net/key_ring.hpp"
#include "runtime/base/replay_window.hpp"

namespace troupe {

/// What a packet is for. One that was sealed for one purpose does not open for another.
enum class seal_purpose : std::uint8_t { gossip = 1, announcement = 2, keyring = 3 };

/// Why a datagram was dropped before anybody read it.
enum class packet_drop : std::uint8_t {
  plain,        // not sealed, and this cluster has a secret
  sealed,       // sealed, and this node has no secret
  truncated,    // too short to be a sealed packet
  version,      // of the seal, or another purpose
  unknown_key,  // under a key that the ring does not hold
  forged,       // it fails its authentication
  replayed      // it was opened before, or is too old to tell
};
inline constexpr std::size_t packet_drops = 7;

/// E.g. "unknown_key".
[[nodiscard]] std::string_view name_of(packet_drop d) noexcept;

class packet_seal {
 public:
  static constexpr unsigned char mark = 0xE1;
  static constexpr std::size_t head_size = 1 + 1 + 4 + 12;
  static constexpr std::size_t tag_size = 16;
  static constexpr std::size_t overhead = head_size + tag_size;
  static constexpr std::size_t peers_max = 4096;  // whose last key is remembered when it is not the primary

  /// Draws the prefix of nonces; the default asks the operating system's generator.
  using prefix_source = std::function<std::uint64_t()>;

  packet_seal(std::string cluster, const key_ring& ring, prefix_source draw = {}, std::uint32_t first_number = 0);
  ~packet_seal();

  packet_seal(const packet_seal&) = delete;
  packet_seal& operator=(const packet_seal&) = delete;

  void set_ring(const key_ring& ring);

  /// `to` is the peer's address, or empty for everybody.
  [[nodiscard]] std::string seal(seal_purpose purpose, std::string_view to, std::string_view plain);

  /// `from` is where answers go, empty when there is no such place; nothing is believed of it.
  [[nodiscard]] tl::expected<std::string, packet_drop> open(seal_purpose purpose, std::string_view from,
                                                            std::string_view bytes);

  /// Whether `bytes` claim to be sealed. Gossip in the clear begins with another byte.
  [[nodiscard]] static bool looks_sealed(std::string_view bytes) noexcept;

 private:
  class cipher;
  using key_id = std::array<char, 4>;
  struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
  };

  [[nodiscard]] std::size_t choose_key(std::string_view to);
  void remember(std::string_view from, const key_id& used);
  void next_nonce(char* to);

  const std::string cluster_;
  const prefix_source draw_;

  std::mutex seal_mutex_;  // of what seals; never held together with the other but by set_ring
  std::vector<std::unique_ptr<cipher>> sealers_;
  std::uint64_t prefix_;
  std::uint32_t number_;
  std::unordered_map<std::string, key_id, text_hash, std::equal_to<>> peer_keys_;
  bool heard_ = false;       // anything that could be opened, ever
  std::size_t unheard_ = 0;  // sealed before that: every key of the ring has its turn

  std::mutex open_mutex_;
  std::vector<std::unique_ptr<cipher>> openers_;
  replay_window window_;
};

}  // namespace troupe
