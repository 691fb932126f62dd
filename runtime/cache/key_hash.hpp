// The hash of a key inside a shard store: 64 bits, a few nanoseconds for short keys. The mixing step
// (fold the two halves of a 128-bit product) is that of wyhash by Wang Yi, in the public domain.
// With a secret seed an outsider cannot choose keys that collide. Not for checksums, never on the wire.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace troupe {

namespace key_hash_detail {

inline constexpr std::uint64_t salt_a = 0xa0761d6478bd642fULL;
inline constexpr std::uint64_t salt_b = 0xe7037ed1a0b428dbULL;

[[nodiscard]] inline std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
  __extension__ using wide = unsigned __int128;
  const wide product = static_cast<wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

template <class Word>
[[nodiscard]] inline std::uint64_t load(const char* p) noexcept {
  Word w;
  std::memcpy(&w, p, sizeof w);
  return w;
}

}  // namespace key_hash_detail

[[nodiscard]] inline std::uint64_t key_hash(std::string_view key, std::uint64_t seed) noexcept {
  using namespace key_hash_detail;
  const char* p = key.data();
  std::size_t left = key.size();
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  seed ^= salt_a;
  for (; left > 16; left -= 16, p += 16) {
    seed = fold(load<std::uint64_t>(p) ^ salt_b, load<std::uint64_t>(p + 8) ^ seed);
  }
  if (left >= 8) {
    a = load<std::uint64_t>(p);
    b = load<std::uint64_t>(p + left - 8);
  } else if (left >= 4) {
    a = load<std::uint32_t>(p);
    b = load<std::uint32_t>(p + left - 4);
  } else if (left > 0) {
    a = load<unsigned char>(p) << 16 | load<unsigned char>(p + left / 2) << 8 | load<unsigned char>(p + left - 1);
  }
  return fold(salt_b ^ key.size(), fold(a ^ salt_b, b ^ seed));
}

}  // namespace troupe
