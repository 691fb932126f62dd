// A hash table of named nodes, each in an allocation of its own: the large form of hashes, sets and sorted sets.
//
// Open addressing; scan_order says where a node lies and when a scan meets it. A Node has `position` (the top 32 bits
// of its name's hash) and name(). The table does not own the nodes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/function_ref.hpp"
#include "runtime/base/random.hpp"
#include "runtime/cache/key_hash.hpp"
#include "runtime/cache/scan_order.hpp"
#include "runtime/cache/values/footprint.hpp"

namespace troupe {

template <class Node>
class member_table {
 public:
  explicit member_table(std::uint64_t seed) noexcept : seed_(seed) {}

  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  /// Of the table without its nodes.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return footprint_of(slots_); }
  [[nodiscard]] std::uint32_t position_of(std::string_view name) const noexcept {
    return static_cast<std::uint32_t>(key_hash(name, seed_) >> 32);
  }

  [[nodiscard]] Node* find(std::string_view name) const noexcept {
    if (count_ == 0) return nullptr;
    const auto position = position_of(name);
    for (std::size_t slot = order_.home_of(position); slots_[slot] != nullptr; slot = (slot + 1) & mask_) {
      if (slots_[slot]->position == position && slots_[slot]->name() == name) return slots_[slot];
    }
    return nullptr;
  }

  /// Not there yet; its position is set.
  void insert(Node* node) {
    if ((count_ + 1) * 4 > slots_.size() * 3) resize(slots_.empty() ? slots_min : slots_.size() * 2);
    place(node);
    ++count_;
  }

  /// The same name in another allocation.
  void replace(const Node* old, Node* fresh) noexcept { slots_[slot_of(old)] = fresh; }

  void remove(const Node* node) {
    auto hole = slot_of(node);
    --count_;
    for (auto next = (hole + 1) & mask_; slots_[next] != nullptr; next = (next + 1) & mask_) {
      const std::size_t home = order_.home_of(slots_[next]->position);
      if (((next - home) & mask_) < ((next - hole) & mask_)) continue;
      slots_[hole] = slots_[next];
      hole = next;
    }
    slots_[hole] = nullptr;
    if (slots_.size() > slots_min && count_ * 8 < slots_.size()) resize(slots_.size() / 2);
  }

  /// Each with the same chance; not of an empty table.
  [[nodiscard]] Node* pick(random& rng) const noexcept {
    for (;;) {
      if (auto* node = slots_[rng.below(slots_.size())]) return node;
    }
  }

  template <class Visit>
  void for_each(const Visit& visit) const {
    for (auto* node : slots_) {
      if (node != nullptr) visit(*node);
    }
  }

  /// Shows about `count` nodes from `cursor` on (0: the start); the next cursor, 0 at the end.
  template <class Visit>
  [[nodiscard]] std::uint64_t scan(std::uint64_t cursor, std::size_t count, const Visit& visit) const {
    if (count_ == 0 || cursor >= scan_order::turns_end) return 0;
    const auto step = std::max<std::size_t>(count, 1);
    for (std::size_t shown = 0; shown < step;) {
      const auto piece = order_.piece_at(static_cast<std::uint32_t>(cursor), step - shown);
      const std::size_t block_end = piece.first + scan_order::block_slots;
      const std::size_t all = piece.first + slots_.size();
      for (std::size_t i = piece.first; i < block_end || (i < all && slots_[i & mask_] != nullptr); ++i) {
        const auto* node = slots_[i & mask_];
        if (node == nullptr) continue;
        const auto turn = scan_order::turn_of(node->position);
        if (turn < cursor || turn >= piece.end) continue;
        visit(*node);
        ++shown;
      }
      cursor = piece.end;
      if (cursor >= scan_order::turns_end) return 0;
    }
    return cursor;
  }

 private:
  static constexpr std::size_t slots_min = 16;

  [[nodiscard]] std::size_t slot_of(const Node* node) const noexcept {
    std::size_t slot = order_.home_of(node->position);
    while (slots_[slot] != node) slot = (slot + 1) & mask_;
    return slot;
  }
  void place(Node* node) noexcept {
    std::size_t slot = order_.home_of(node->position);
    while (slots_[slot] != nullptr) slot = (slot + 1) & mask_;
    slots_[slot] = node;
  }
  void resize(std::size_t slots) {
    const auto old = std::exchange(slots_, std::vector<Node*>(slots, nullptr));
    mask_ = slots - 1;
    order_.resize(slots);
    for (auto* node : old) {
      if (node != nullptr) place(node);
    }
  }

  std::uint64_t seed_;
  std::vector<Node*> slots_;
  std::size_t mask_ = 0;
  scan_order order_;
  std::size_t count_ = 0;
};

}  // namespace troupe
