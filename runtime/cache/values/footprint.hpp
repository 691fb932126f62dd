// What memory costs as the allocator gives it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace troupe {

/// What an allocation of `bytes` costs: the allocator's 8-byte header and 16-byte rounding included.
[[nodiscard]] constexpr std::uint64_t footprint_of(std::uint64_t bytes) noexcept {
  const std::uint64_t rounded = (bytes + 8 + 15) & ~std::uint64_t{15};
  return rounded < 32 ? 32 : rounded;
}

/// Beside the string itself.
[[nodiscard]] inline std::uint64_t footprint_of(const std::string& s) noexcept {
  constexpr std::size_t inline_bytes = 15;
  return s.capacity() <= inline_bytes ? 0 : footprint_of(s.capacity() + 1);
}

template <class Item>
[[nodiscard]] std::uint64_t footprint_of(const std::vector<Item>& v) noexcept {
  return v.capacity() == 0 ? 0 : footprint_of(v.capacity() * sizeof(Item));
}

}  // namespace troupe
