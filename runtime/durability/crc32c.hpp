// CRC-32C (Castagnoli), as in RFC 3720: what every record of a log on disk is checked by.
#pragma once

#include <cstdint>
#include <string_view>

namespace troupe {

/// Of `bytes`, going on from `before`: crc32c(b, crc32c(a)) is that of a and b.
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0) noexcept;

}  // namespace troupe
