// What the RESP door counts. One set for each I/O thread, which alone writes it; anyone may read.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace troupe::resp {

/// A number with one writer: adding is a plain load and store, not a locked instruction.
class tally {
 public:
  void add(std::uint64_t n) noexcept { value_.store(read() + n, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t read() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// On cache lines of its own, so that I/O threads do not slow each other.
struct alignas(64) lane_numbers {
  tally accepted;           // connections served since the start
  tally commands;           // executed
  tally protocol_errors;    // connections closed for what they sent
  tally refused_limit;      // turned away: connections_max
  tally refused_protected;  // turned away: not loopback
  tally closed_slow;        // closed: output_buffer_max
  tally closed_idle;        // closed: idle_timeout
  tally hits;               // GETs that found a value
  tally misses;
  tally bytes_in;
  tally bytes_out;
};

struct door_numbers {
  explicit door_numbers(std::size_t lanes) : lanes_(lanes) {}

  [[nodiscard]] std::uint64_t sum(tally lane_numbers::*which) const noexcept {
    std::uint64_t total = 0;
    for (const auto& lane : lanes_) total += (lane.*which).read();
    return total;
  }
  [[nodiscard]] lane_numbers& of(std::size_t lane) noexcept { return lanes_[lane]; }

 private:
  std::vector<lane_numbers> lanes_;
};

}  // namespace troupe::resp
