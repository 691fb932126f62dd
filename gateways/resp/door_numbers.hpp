// What the RESP door counts. One set for each I/O thread, which alone writes it; anyone may read.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
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

/// Of one command.
struct command_tally {
  tally calls;
  tally nanoseconds;  // of this thread, without what replies waited for elsewhere
  tally rejected;     // refused before it was executed
  tally failed;       // answered with an error
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
  tally errors;                           // error replies
  tally messages;                         // of pub/sub, given to subscribers here
  std::vector<command_tally> by_command;  // by index_of(row)

  /// Error replies by their first word.
  void count_error(std::string_view reply);
  [[nodiscard]] std::map<std::string, std::uint64_t> error_kinds() const;

 private:
  static constexpr std::size_t error_kinds_max = 128;

  mutable std::mutex errors_mutex_;
  std::map<std::string, std::uint64_t, std::less<>> errors_;
};

/// What INFO shows of one command.
struct command_numbers {
  std::uint64_t calls = 0;
  std::uint64_t nanoseconds = 0;
  std::uint64_t rejected = 0;
  std::uint64_t failed = 0;
};

class door_numbers {
 public:
  explicit door_numbers(std::size_t lanes);

  /// Since the start, for metrics.
  [[nodiscard]] std::uint64_t sum(tally lane_numbers::*which) const noexcept;
  /// Since CONFIG RESETSTAT, for INFO.
  [[nodiscard]] std::uint64_t shown(tally lane_numbers::*which) const;
  [[nodiscard]] std::vector<command_numbers> commands_shown() const;
  [[nodiscard]] std::map<std::string, std::uint64_t> errors_shown() const;
  /// What is shown begins at 0 again.
  void reset_shown();

  [[nodiscard]] lane_numbers& of(std::size_t lane) noexcept { return lanes_[lane]; }

 private:
  [[nodiscard]] std::vector<command_numbers> commands() const;
  [[nodiscard]] std::map<std::string, std::uint64_t> errors() const;

  std::vector<lane_numbers> lanes_;
  mutable std::mutex mutex_;
  // At the last reset.
  std::vector<std::uint64_t> before_;
  std::vector<command_numbers> commands_before_;
  std::map<std::string, std::uint64_t> errors_before_;
};

}  // namespace troupe::resp
