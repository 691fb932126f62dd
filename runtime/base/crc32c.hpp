// CRC-32C (Castagnoli, reflected polynomial 0x82f63b78, RFC 3720 appendix B.4): tells a torn or rotten file from a
// whole one. Not a defence against intent.
#pragma once

#include <cstdint>
#include <string_view>

namespace troupe {

/// Of `bytes`, going on from `before`: crc32c(b, crc32c(a)) is that of a and b.
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0) noexcept;

}  // namespace troupe
