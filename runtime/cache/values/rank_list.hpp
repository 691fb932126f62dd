// Members with scores in the order (score, member), where the place of each is found in O(log n): a skip list that
// counts what its links pass over (Pugh 1990, with the widths of his "cookbook"). It owns its nodes.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "runtime/base/function_ref.hpp"

namespace troupe {

struct rank_node {
  struct link {
    rank_node* next;
    std::uint64_t width;  // places from here to next, or to the end
  };

  std::uint32_t position;  // of the name in hash space
  std::uint32_t name_size;
  double score;
  rank_node* before;  // null: the first
  std::uint32_t height;

  [[nodiscard]] link* links() noexcept { return reinterpret_cast<link*>(this + 1); }
  [[nodiscard]] const link* links() const noexcept { return reinterpret_cast<const link*>(this + 1); }
  [[nodiscard]] std::string_view name() const noexcept {
    return {reinterpret_cast<const char*>(links() + height), name_size};
  }
  [[nodiscard]] std::uint64_t bytes() const noexcept;
};

/// The order of a sorted set.
[[nodiscard]] inline bool comes_before(double score, std::string_view name, double other,
                                       std::string_view other_name) noexcept {
  return score < other || (score == other && name < other_name);
}

class rank_list {
 public:
  /// `seed` is secret: a client that knew the heights could take out the tall ones.
  explicit rank_list(std::uint64_t seed) noexcept;
  ~rank_list();
  rank_list(const rank_list&) = delete;
  rank_list& operator=(const rank_list&) = delete;

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Not there yet.
  rank_node* insert(std::uint32_t position, std::string_view name, double score);
  /// Ends the node.
  void remove(rank_node* node);
  /// Place from 0 on.
  [[nodiscard]] std::size_t rank_of(const rank_node& node) const noexcept;
  /// At a place below size().
  [[nodiscard]] const rank_node* at(std::size_t rank) const noexcept;
  /// How many there are from the start on for which `passes` is true; after the first false one it is false for all.
  [[nodiscard]] std::size_t count_while(function_ref<bool(double score, std::string_view name)> passes) const noexcept;
  [[nodiscard]] const rank_node* first() const noexcept { return head_[0].next; }

 private:
  static constexpr std::uint32_t height_max = 24;
  using path = std::array<rank_node::link*, height_max>;

  [[nodiscard]] std::uint32_t draw_height() noexcept;

  std::array<rank_node::link, height_max> head_;
  rank_node* last_ = nullptr;
  std::uint32_t height_ = 1;
  std::size_t size_ = 0;
  std::uint64_t draws_;  // never 0
};

}  // namespace troupe
