// Changes that wait for one subscriber, bounded. What does not fit is discarded until half of it was taken; then a gap
// stands where something is missing.
//
// Pure: called from one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include <troupe/cache_changes.hpp>

namespace troupe {

/// Causes of gaps.
inline constexpr const char* slow_subscriber = "slow_subscriber";
inline constexpr const char* source_changed = "source_changed";

[[nodiscard]] inline cache_change gap_of(const char* cause) {
  cache_change gap;
  gap.kind = change_kind::gap;
  gap.cause = cause;
  return gap;
}

class change_backlog {
 public:
  change_backlog(std::size_t changes_max, std::size_t bytes_max) : changes_max_(changes_max), bytes_max_(bytes_max) {}

  void push(cache_change c) {
    if (missing_ && may_resume()) add(gap_of(slow_subscriber));
    const bool is_gap = c.kind == change_kind::gap;
    if (missing_ || changes_.size() >= changes_max_ || bytes_ + size_of(c) > bytes_max_) {
      missing_ = true;
      discarded_ += is_gap ? 0 : 1;
      return;
    }
    if (is_gap && !changes_.empty() && changes_.back().kind == change_kind::gap) return;
    add(std::move(c));
  }

  [[nodiscard]] std::optional<cache_change> pop() {
    if (changes_.empty()) {
      if (!std::exchange(missing_, false)) return std::nullopt;
      return gap_of(slow_subscriber);
    }
    auto first = std::move(changes_.front());
    changes_.pop_front();
    bytes_ -= size_of(first);
    return first;
  }

  [[nodiscard]] bool empty() const noexcept { return changes_.empty() && !missing_; }
  /// For want of room.
  [[nodiscard]] std::uint64_t discarded() const noexcept { return discarded_; }

 private:
  static std::size_t size_of(const cache_change& c) noexcept {
    return sizeof c + c.key.size() + (c.value ? c.value->size() : 0);
  }
  [[nodiscard]] bool may_resume() const noexcept {
    return changes_.size() <= changes_max_ / 2 && bytes_ <= bytes_max_ / 2;
  }
  void add(cache_change c) {
    if (c.kind == change_kind::gap) missing_ = false;
    bytes_ += size_of(c);
    changes_.push_back(std::move(c));
  }

  const std::size_t changes_max_;
  const std::size_t bytes_max_;
  std::deque<cache_change> changes_;
  std::size_t bytes_ = 0;
  bool missing_ = false;  // something after the last of them was discarded
  std::uint64_t discarded_ = 0;
};

}  // namespace troupe
