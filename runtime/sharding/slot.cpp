#include "runtime/sharding/slot.hpp"

#include <array>
#include <cstddef>
#include <utility>

namespace troupe {

namespace {

constexpr std::size_t slices = 8;
constexpr std::uint32_t polynomial = 0x1021;

using crc_table = std::array<std::uint16_t, 256>;

// slice_tables[k][b] is the CRC of byte b followed by k zero bytes: eight bytes a step instead of
// one (the idea is Intel's "slicing-by-8", Kounavis and Berry 2005).
constexpr std::array<crc_table, slices> make_slice_tables() {
  std::array<crc_table, slices> tables{};
  for (std::uint32_t b = 0; b < 256; ++b) {
    std::uint32_t crc = b << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000) != 0 ? (crc << 1) ^ polynomial : crc << 1;
    tables[0][b] = static_cast<std::uint16_t>(crc);
  }
  for (std::size_t k = 1; k < slices; ++k) {
    for (std::size_t b = 0; b < 256; ++b) {
      const std::uint32_t before = tables[k - 1][b];
      tables[k][b] = static_cast<std::uint16_t>((before << 8) ^ tables[0][before >> 8]);
    }
  }
  return tables;
}

constexpr auto slice_tables = make_slice_tables();

}  // namespace

std::uint16_t crc16_xmodem(std::string_view bytes) noexcept {
  const auto& t = slice_tables;
  const auto* p = reinterpret_cast<const unsigned char*>(bytes.data());
  std::size_t left = bytes.size();
  std::uint32_t crc = 0;
  for (; left >= slices; left -= slices, p += slices) {
    const std::uint32_t head = t[7][p[0] ^ (crc >> 8)] ^ t[6][p[1] ^ (crc & 0xff)] ^ t[5][p[2]] ^ t[4][p[3]];
    crc = head ^ t[3][p[4]] ^ t[2][p[5]] ^ t[1][p[6]] ^ t[0][p[7]];
  }
  for (; left > 0; --left, ++p) crc = ((crc << 8) & 0xffff) ^ t[0][(crc >> 8) ^ *p];
  return static_cast<std::uint16_t>(crc);
}

std::string_view hash_tag(std::string_view key) noexcept {
  const auto open = key.find('{');
  if (open == std::string_view::npos) return key;
  const auto close = key.find('}', open + 1);
  if (close == std::string_view::npos || close == open + 1) return key;
  return key.substr(open + 1, close - open - 1);
}

std::uint32_t slot_of(std::string_view key) noexcept { return crc16_xmodem(hash_tag(key)) % slots_total; }

std::vector<std::string> keys_in_shards(std::uint32_t shards) {
  std::vector<std::string> keys(shards);
  for (std::uint32_t i = 0, missing = shards; missing != 0; ++i) {
    auto key = std::to_string(i);
    auto& place = keys[shard_of(slot_of(key), shards)];
    if (!place.empty()) continue;
    place = std::move(key);
    --missing;
  }
  return keys;
}

}  // namespace troupe
