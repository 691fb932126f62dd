// The key ring of a cluster as one value: up to eight keys, the first of which (the primary) seals; all
// of them open. It is changed by install, use, remove, each of which is without effect when it is done
// already, and counts its changes in an edition, so that of two rings the newer is known.
//
// A value: no file, no thread. It never lets the primary be removed, so it is never empty.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>

#include "actors/net/ring_key.hpp"

namespace troupe {

class key_ring {
 public:
  static constexpr std::size_t keys_max = 8;
  static constexpr std::size_t text_bytes_max = 4096;

  explicit key_ring(const ring_key& only);

  /// The primary first.
  [[nodiscard]] const std::vector<ring_key>& keys() const noexcept { return keys_; }
  [[nodiscard]] const std::vector<std::string>& fingerprints() const noexcept { return fingerprints_; }
  [[nodiscard]] bool holds(std::string_view fingerprint) const noexcept;
  [[nodiscard]] std::uint64_t edition() const noexcept { return edition_; }
  void set_edition(std::uint64_t e) noexcept { edition_ = e; }

  /// errc::too_large when it is full.
  [[nodiscard]] expected<void> install(const ring_key& k);
  /// errc::not_found when the ring has no such key.
  [[nodiscard]] expected<void> use(std::string_view fingerprint);
  /// errc::condition_failed for the primary.
  [[nodiscard]] expected<void> remove(std::string_view fingerprint);

  /// Lines of text: the file in the data directory, and what a joiner is sent.
  [[nodiscard]] std::string encode() const;
  /// errc::corrupt with the number of the line; a key must bear its own fingerprint.
  [[nodiscard]] static expected<key_ring> decode(std::string_view text);

  /// The fingerprint of what the secret file said when this ring was made from it; of the file only.
  std::string made_from;

  [[nodiscard]] bool operator==(const key_ring&) const = default;

 private:
  key_ring() = default;
  [[nodiscard]] std::size_t find(std::string_view fingerprint) const noexcept;  // keys_.size(): none

  std::vector<ring_key> keys_;
  std::vector<std::string> fingerprints_;
  std::uint64_t edition_ = 0;
};

}  // namespace troupe
