// What waits for one subscriber: a queue with bounds and a rule for what is beyond them. A few items at a time are with
// the subscriber, the rest waits here, so that the oldest can still be dropped.
//
// What was dropped, here or before, leaves a gap at its place, and the subscriber is told of it there. Gaps at one
// place are one. Pure, for one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

namespace troupe {

/// What to do with a message when the queue is full.
enum class queue_rule : std::uint8_t { drop_oldest, drop_newest, end };

struct queue_limits {
  std::size_t items_max = 1'000;
  std::size_t bytes_max = 16 * 1024 * 1024;  // one item may be larger
  std::size_t window = 16;                   // with the subscriber at a time
  queue_rule rule = queue_rule::drop_oldest;
};

/// Messages that did not come.
struct queue_gap {
  std::uint64_t missed = 0;
  bool exact = true;  // false: more, perhaps

  bool operator==(const queue_gap&) const = default;
};

template <class T>
class subscriber_queue {
 public:
  enum class answer : std::uint8_t { taken, dropped, ended };  // dropped: one item, not always this one
  struct next {
    std::optional<queue_gap> gap;  // told before the item
    std::optional<T> item;
  };

  explicit subscriber_queue(const queue_limits& l) : limits_(l) {}

  answer offer(T item, std::size_t bytes) {
    answer a = answer::taken;
    while (is_full(bytes)) {
      a = answer::dropped;
      if (limits_.rule == queue_rule::end) return answer::ended;
      if (limits_.rule == queue_rule::drop_newest || waiting_.empty()) {
        miss({1, true});
        return a;
      }
      drop_front();
    }
    waiting_.push_back({std::move(item), bytes, std::exchange(gap_, std::nullopt)});
    bytes_ += bytes;
    return a;
  }

  /// After all that waits now.
  void miss(const queue_gap& g) { merge(gap_, g); }

  /// What the subscriber is to be given now; on_handled() must follow for an item. Nothing when it has enough, or
  /// nothing waits.
  [[nodiscard]] std::optional<next> take() {
    if (with_subscriber_ >= limits_.window) return std::nullopt;
    if (waiting_.empty()) {
      if (!gap_) return std::nullopt;
      return next{std::exchange(gap_, std::nullopt), std::nullopt};
    }
    auto front = std::move(waiting_.front());
    waiting_.pop_front();
    ++with_subscriber_;
    return next{front.before, std::move(front.item)};
  }

  void on_handled(std::size_t bytes) {
    if (with_subscriber_ > 0) --with_subscriber_;
    bytes_ -= bytes < bytes_ ? bytes : bytes_;
  }

  [[nodiscard]] std::size_t size() const noexcept { return waiting_.size() + with_subscriber_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  struct row {
    T item;
    std::size_t bytes;
    std::optional<queue_gap> before;
  };

  static void merge(std::optional<queue_gap>& into, const queue_gap& g) {
    if (!into) into = queue_gap{};
    into->missed += g.missed;
    into->exact = into->exact && g.exact;
  }
  [[nodiscard]] bool is_full(std::size_t bytes) const noexcept {
    return size() >= limits_.items_max || (size() > 0 && bytes_ + bytes > limits_.bytes_max);
  }
  void drop_front() {
    auto front = std::move(waiting_.front());
    waiting_.pop_front();
    bytes_ -= front.bytes;
    auto& into = waiting_.empty() ? gap_ : waiting_.front().before;
    if (front.before) merge(into, *front.before);
    merge(into, {1, true});
  }

  const queue_limits limits_;
  std::deque<row> waiting_;
  std::optional<queue_gap> gap_;  // after all that waits
  std::size_t with_subscriber_ = 0;
  std::size_t bytes_ = 0;  // waiting, and with the subscriber
};

}  // namespace troupe
