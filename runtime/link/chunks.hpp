// Messages above chunk_max cross the link in chunks, so that no frame is larger than frame_max and
// other traffic passes between them.
//
//   payload of a chunk frame:  id u32 | type of the whole u8 | total u64 | offset u64 | bytes
//
// The chunks of one message come in order; those of several may interleave. The reassembler holds at
// most streams_max messages whose announced totals add up to at most bytes_max.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <troupe/error.hpp>

#include "runtime/link/frame.hpp"

namespace troupe {

inline constexpr std::size_t chunk_max = std::size_t{1} << 20;  // bytes of a message in one chunk
inline constexpr std::size_t chunk_head_size = 21;

struct chunk_head {
  std::uint32_t id = 0;
  frame_type type{};
  std::uint64_t total = 0;
  std::uint64_t offset = 0;
};

void append_chunk_head(std::string& to, const chunk_head& head);

struct reassembly_limits {
  std::uint64_t message_max = 0;  // bytes of one whole message
  std::uint32_t streams_max = 16;
  std::uint64_t bytes_max = 0;  // announced by all messages under way
};

class reassembler {
 public:
  struct whole {
    frame_type type{};
    std::string payload;
  };

  explicit reassembler(const reassembly_limits& limits) noexcept : limits_(limits) {}

  /// Takes the payload of a chunk frame; yields the message when it is complete. errc::corrupt when
  /// the chunk does not continue its message, errc::too_large beyond a limit: then the connection is
  /// of no more use.
  [[nodiscard]] expected<std::optional<whole>> on_chunk(std::string_view payload);

  [[nodiscard]] std::size_t streams() const noexcept { return streams_.size(); }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return announced_; }

 private:
  struct stream {
    frame_type type{};
    std::uint64_t total = 0;
    std::string bytes;
  };

  [[nodiscard]] expected<stream*> open(const chunk_head& head);

  reassembly_limits limits_;
  std::map<std::uint32_t, stream> streams_;
  std::uint64_t announced_ = 0;
};

}  // namespace troupe
