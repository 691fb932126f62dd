// What memory costs as the allocator gives it.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string>
#include <vector>

namespace troupe {

/// What an allocation of `bytes` costs, 8 bytes of a header included: 16-byte steps up to 128, four steps a doubling
/// up to 16 KiB, pages beyond. So jemalloc, with which the program is linked, rounds; asking for a footprint less 8
/// wastes nothing there and nothing with glibc's malloc, which has the header and finer steps.
[[nodiscard]] constexpr std::uint64_t footprint_of(std::uint64_t bytes) noexcept {
  constexpr std::uint64_t page = 4096;
  const std::uint64_t needs = bytes + 8;
  const std::uint64_t step = needs <= 128 ? 16 : needs > 4 * page ? page : std::bit_ceil(needs) / 8;
  return std::max<std::uint64_t>((needs + step - 1) / step * step, 32);
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
