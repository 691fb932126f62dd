// What waits to be written to one peer: whole frames, back to back in blocks, counted in bytes and
// refused beyond a limit. Three lanes, each in order: a batch takes a share of every lane, so that a
// 64 MiB value never stands before a vote. Bytes count until written() says that the socket took them.
//
// Not thread-safe: the shell has a lock around it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>

#include "runtime/link/frame.hpp"

namespace troupe {

enum class link_lane : std::uint8_t { control, actors, requests };
inline constexpr std::size_t link_lanes = 3;

[[nodiscard]] link_lane lane_of(frame_type type) noexcept;

struct send_queue_limits {
  std::uint64_t bytes_max = 0;      // cluster.link_queue_max
  std::uint64_t message_max = 0;    // one message, chunked or not
  std::uint64_t reserve = 1 << 20;  // beyond bytes_max, for error answers and down messages
};

class send_queue {
 public:
  /// `first_chunk_id`: far from those of a queue that may be absorbed.
  explicit send_queue(const send_queue_limits& limits, std::uint32_t first_chunk_id = 1) noexcept
      : limits_(limits), next_chunk_id_(first_chunk_id) {}

  /// Appends a frame (or the chunks) whose payload is `head` then `body`. errc::unavailable when the
  /// queue is full, errc::too_large beyond message_max. `reserved` frames may use the reserve too.
  [[nodiscard]] expected<void> push(frame_type type, std::string_view head, std::string_view body,
                                    bool reserved = false);

  /// Moves the next batch to the end of `out`: at most about `share` bytes of each lane. Whole frames only.
  std::uint64_t take(std::vector<std::string>& out, std::uint64_t share);

  /// The socket took `bytes` of what take() gave; `blocks` are kept for reuse.
  void written(std::uint64_t bytes, std::vector<std::string>& blocks);

  /// Takes over everything that waits in `other`, limits or not.
  void absorb(send_queue& other);

  void clear() noexcept;

  /// Nothing left for take().
  [[nodiscard]] bool empty() const noexcept { return waiting_ == 0; }
  /// Waiting and being written.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return waiting_ + writing_; }

 private:
  std::string& block_for(std::deque<std::string>& lane, std::size_t size);
  void push_chunks(std::deque<std::string>& lane, frame_type type, std::string_view head, std::string_view body);

  send_queue_limits limits_;
  std::array<std::deque<std::string>, link_lanes> lanes_;
  std::vector<std::string> spare_;
  std::uint64_t waiting_ = 0;
  std::uint64_t writing_ = 0;
  std::uint32_t next_chunk_id_;
};

/// What is left of `blocks` after their first `done` bytes, piece by piece and none of them empty.
template <class Take>
void for_rest(const std::vector<std::string>& blocks, std::size_t done, Take take) {
  for (const auto& block : blocks) {
    const auto skipped = std::min(done, block.size());
    done -= skipped;
    if (skipped < block.size()) take(std::string_view(block).substr(skipped));
  }
}

}  // namespace troupe
