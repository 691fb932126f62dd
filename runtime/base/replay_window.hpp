// Has this numbered message of this sender been seen before? The sliding window of IPsec (RFC 4303,
// section 3.4.3), one for each sender.
//
// A number is fresh once. What lies more than `width` below the highest number of its sender is taken
// for old. Of the senders beyond `senders_max` the one that was silent for the longest is forgotten:
// what it sent before would then be fresh again, as it is for a receiver that has just started.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

namespace troupe {

class replay_window {
 public:
  static constexpr std::uint32_t width = 1024;

  explicit replay_window(std::size_t senders_max = 4096) : senders_max_(senders_max) {}

  /// True once for each number; remembers it.
  [[nodiscard]] bool take(std::uint64_t sender, std::uint32_t number);

  [[nodiscard]] std::size_t senders() const noexcept { return windows_.size(); }

 private:
  struct window {
    std::uint32_t highest = 0;
    std::uint64_t heard = 0;                       // the turn in which it was last heard
    std::array<std::uint64_t, width / 64> seen{};  // number % width
  };

  void forget_one();

  const std::size_t senders_max_;
  std::uint64_t turn_ = 0;
  std::unordered_map<std::uint64_t, window> windows_;
};

}  // namespace troupe
