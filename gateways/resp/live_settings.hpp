// What CONFIG SET changes while the door serves: numbers that every thread reads before it uses them, and words that
// are kept for CONFIG GET only. They begin as the configuration says and are gone with the node.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include <troupe/config.hpp>

namespace troupe::resp {

/// Whose replies wait: `client-output-buffer-limit` has a row for each.
enum class buffer_class : std::uint8_t { normal, replica, pubsub };

struct buffer_limit {
  std::atomic<std::uint64_t> hard{0};          // bytes; 0: none
  std::atomic<std::uint64_t> soft{0};          // the same, allowed for a while
  std::atomic<std::uint64_t> soft_seconds{0};  // that long
};

class live_settings {
 public:
  static constexpr std::uint64_t query_buffer_max_default = std::uint64_t{1} << 30;

  explicit live_settings(const config& c);

  std::atomic<std::uint64_t> bulk_max;          // one word of a command
  std::atomic<std::uint64_t> query_buffer_max;  // one command with all its words
  std::atomic<std::uint64_t> connections_max;
  std::atomic<std::uint64_t> idle_seconds;             // 0: for ever
  std::atomic<std::int64_t> slow_microseconds{10000};  // from this on a command is slow; negative: none is
  std::atomic<std::uint64_t> slow_entries_max{128};
  std::atomic<std::uint32_t> notify{0};  // notify_flags.hpp
  std::array<buffer_limit, 3> output;    // by buffer_class

  [[nodiscard]] buffer_limit& output_of(buffer_class c) noexcept { return output[static_cast<std::size_t>(c)]; }

  /// Words without effect, by the parameter's name.
  [[nodiscard]] std::string kept(std::string_view name, std::string_view otherwise) const;
  void keep(std::string_view name, std::string value);

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string, std::less<>> kept_;
};

}  // namespace troupe::resp
