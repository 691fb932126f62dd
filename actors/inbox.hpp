// The bridge from threads that are not actors (I/O, workers) into one actor: a bounded queue that
// costs one CAF message a batch, not one an item.
//
// push says when the queue was empty: the producer then sends the actor one wake message. The actor
// answers a wake with take(). See CAF.md's figures in docs/adr/0004.
#pragma once

#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

namespace troupe {

template <class Item>
class inbox {
 public:
  enum class push_result { queued, queued_first, full };

  explicit inbox(std::size_t items_max) : items_max_(items_max) {}

  /// queued_first: wake the consumer. full: the item was not taken.
  [[nodiscard]] push_result push(Item item) {
    const std::lock_guard lock(mutex_);
    if (items_.size() >= items_max_) return push_result::full;
    items_.push_back(std::move(item));
    return items_.size() == 1 ? push_result::queued_first : push_result::queued;
  }

  /// Everything that waits, in order.
  [[nodiscard]] std::vector<Item> take() {
    std::vector<Item> all;
    const std::lock_guard lock(mutex_);
    all.swap(items_);
    return all;
  }

 private:
  const std::size_t items_max_;
  std::mutex mutex_;
  std::vector<Item> items_;
};

}  // namespace troupe
