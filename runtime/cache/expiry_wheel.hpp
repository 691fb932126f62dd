// When to look at which entry because it may have expired: a hierarchical timing wheel [Varghese, Lauck: Hashed and
// Hierarchical Timing Wheels, SOSP 1987], so that expiry costs by what expires and not by what is stored.
//
// A wheel holds references, 32 bits of an entry's hash each, in buckets: seven levels of 64, the first of a millisecond
// each, every further one 64 times as coarse. It never looks an entry up: next() gives what is due to the store, which
// knows whether the entry is there yet, and how long: it frees it or adds it again, nearer to its end.
//
// An entry remembers its bucket, so that one whose life is prolonged again and again keeps its one reference, which
// comes too early and is added anew then. References of what was erased stay until their time: see stale_beyond().
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include <troupe/time.hpp>

namespace troupe {

class expiry_wheel {
 public:
  using bucket = std::uint16_t;
  static constexpr bucket no_bucket = 0xffff;

  struct reference {
    std::uint32_t position = 0;
    bucket from = no_bucket;  // an entry that remembers another one is not meant
  };

  /// A reference that comes at `at`, or before. May throw std::bad_alloc, and has done nothing then.
  bucket add(std::uint32_t position, time_point at);
  /// A reference in bucket `b` comes no later than at `at`.
  [[nodiscard]] bool comes_by(bucket b, time_point at) const noexcept;

  /// Takes the next reference that is due at `now`; none: nothing is. `now` never goes back.
  [[nodiscard]] std::optional<reference> next(time_point now) noexcept;
  /// Takes any; none: it is empty.
  [[nodiscard]] std::optional<reference> take() noexcept;

  void clear() noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// So many of them for `entries` entries that most lead nowhere: take all, and add those that are meant.
  [[nodiscard]] bool stale_beyond(std::size_t entries) const noexcept { return size_ > 2 * entries + stale_min; }
  /// What its references take in memory.
  [[nodiscard]] std::uint64_t bytes() const noexcept;

  static constexpr std::size_t stale_min = 1024;

 private:
  using tick = std::uint64_t;  // milliseconds
  static constexpr unsigned levels = 7;
  static constexpr unsigned level_bits = 6;
  static constexpr unsigned slots = 1u << level_bits;
  static constexpr std::uint32_t nil = UINT32_MAX;

  struct node {
    std::uint32_t position;
    std::uint32_t next;
  };

  [[nodiscard]] static tick due_tick(time_point at) noexcept;
  [[nodiscard]] static constexpr tick width(unsigned level) noexcept { return tick{1} << (level * level_bits); }
  [[nodiscard]] bool begins(unsigned level) const noexcept { return (current_ & (width(level) - 1)) == 0; }
  [[nodiscard]] unsigned slot_now(unsigned level) const noexcept {
    return static_cast<unsigned>(current_ >> (level * level_bits)) % slots;
  }
  [[nodiscard]] reference pop(unsigned level, unsigned slot) noexcept;
  void go_on(tick until) noexcept;

  std::vector<node> nodes_;
  std::vector<std::uint32_t> heads_;            // levels * slots; empty while nothing was ever added
  std::array<std::uint64_t, levels> filled_{};  // a bit for each bucket that is not empty
  std::uint32_t free_ = nil;
  std::size_t size_ = 0;
  tick current_ = 0;  // everything before it was given
};

}  // namespace troupe
