// The small file beside the log that says under which PIDs its data was told to leaders: written, and durable, before
// a leader is told. So a node that dies after the leader made it primary and before it knew finds its way back.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>

namespace troupe {

inline constexpr std::string_view holders_file = "durable_holders";
/// In the token of a write of that file, beside the PID.
inline constexpr std::uint64_t holders_token = std::uint64_t{1} << 63;

[[nodiscard]] std::string encode_holders(const std::vector<std::uint64_t>& pids);
/// No bytes: nobody yet. errc::corrupt.
[[nodiscard]] expected<std::vector<std::uint64_t>> decode_holders(std::string_view bytes);

}  // namespace troupe
