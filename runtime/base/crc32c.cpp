// Eight tables, eight bytes a step (Kounavis and Berry, "A Systematic Approach to Building High Performance
// Software-Based CRC Generators", 2005).
#include "runtime/base/crc32c.hpp"

#include <array>
#include <cstddef>

namespace troupe {

namespace {

constexpr std::uint32_t polynomial = 0x82f63b78;  // reversed
constexpr std::size_t step = 8;

using tables = std::array<std::array<std::uint32_t, 256>, step>;

constexpr tables make_tables() {
  tables t{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c & 1U) != 0 ? c >> 1U ^ polynomial : c >> 1U;
    t[0][i] = c;
  }
  for (std::size_t k = 1; k < step; ++k) {
    for (std::size_t i = 0; i < 256; ++i) t[k][i] = t[k - 1][i] >> 8U ^ t[0][t[k - 1][i] & 0xffU];
  }
  return t;
}

constexpr tables table = make_tables();

std::uint32_t four_at(const unsigned char* p) noexcept {
  return std::uint32_t{p[0]} | std::uint32_t{p[1]} << 8U | std::uint32_t{p[2]} << 16U | std::uint32_t{p[3]} << 24U;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) noexcept {
  std::uint32_t c = ~before;
  const auto* p = reinterpret_cast<const unsigned char*>(bytes.data());
  std::size_t left = bytes.size();
  for (; left >= step; left -= step, p += step) {
    const std::uint32_t a = four_at(p) ^ c;
    const std::uint32_t b = four_at(p + 4);
    c = table[7][a & 0xffU] ^ table[6][a >> 8U & 0xffU] ^ table[5][a >> 16U & 0xffU] ^ table[4][a >> 24U] ^
        table[3][b & 0xffU] ^ table[2][b >> 8U & 0xffU] ^ table[1][b >> 16U & 0xffU] ^ table[0][b >> 24U];
  }
  for (; left > 0; --left, ++p) c = table[0][(c ^ *p) & 0xffU] ^ c >> 8U;
  return ~c;
}

}  // namespace troupe
