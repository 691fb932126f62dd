// A queue with places that are counted from its front. Empty it holds no memory (std::deque takes 600 bytes).
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace troupe {

template <class Item>
class write_tail {
 public:
  [[nodiscard]] bool empty() const noexcept { return begin_ == items_.size(); }
  [[nodiscard]] std::size_t size() const noexcept { return items_.size() - begin_; }
  [[nodiscard]] const Item& operator[](std::size_t place) const noexcept { return items_[begin_ + place]; }
  [[nodiscard]] const Item& front() const noexcept { return items_[begin_]; }

  void push_back(Item item) { items_.push_back(std::move(item)); }
  /// Not when empty. Each item is moved at most once for each pop, all in all.
  void pop_front() {
    items_[begin_++] = Item();
    if (begin_ == items_.size()) {
      clear();
    } else if (begin_ >= kept_min && 2 * begin_ >= items_.size()) {
      items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(begin_));
      begin_ = 0;
    }
  }
  void clear() noexcept {
    begin_ = 0;
    items_.clear();
    if (items_.capacity() > kept_min) items_ = std::vector<Item>();
  }

 private:
  static constexpr std::size_t kept_min = 64;

  std::vector<Item> items_;
  std::size_t begin_ = 0;  // of what was not popped
};

}  // namespace troupe
