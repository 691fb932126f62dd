#include "runtime/cache/values/rank_list.hpp"

#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>

#include "runtime/cache/values/footprint.hpp"

namespace troupe {

std::uint64_t rank_node::bytes() const noexcept {
  return footprint_of(sizeof *this + height * sizeof(link) + name_size);
}

rank_list::rank_list(std::uint64_t seed) noexcept : draws_(seed == 0 ? 1 : seed) { head_.fill({nullptr, 1}); }

rank_list::~rank_list() {
  for (auto* node = head_[0].next; node != nullptr;) {
    auto* next = node->links()[0].next;
    std::free(node);
    node = next;
  }
}

// A quarter of the nodes reach each next level.
std::uint32_t rank_list::draw_height() noexcept {
  draws_ ^= draws_ << 13;
  draws_ ^= draws_ >> 7;
  draws_ ^= draws_ << 17;
  const auto height = 1 + static_cast<std::uint32_t>(std::countr_zero(draws_ >> 8 | std::uint64_t{1} << 50)) / 2;
  return height < height_max ? height : height_max;
}

rank_node* rank_list::insert(std::uint32_t position, std::string_view name, double score) {
  path links{};                                  // the last link before the place, of each level
  std::array<std::size_t, height_max> passed{};  // places before it
  rank_node::link* from = head_.data();
  std::size_t place = 0;
  rank_node* before = nullptr;
  for (auto level = height_; level-- > 0;) {
    while (from[level].next != nullptr &&
           comes_before(from[level].next->score, from[level].next->name(), score, name)) {
      place += from[level].width;
      before = from[level].next;
      from = before->links();
    }
    links[level] = &from[level];
    passed[level] = place;
  }
  const auto height = draw_height();
  for (; height_ < height; ++height_) {
    head_[height_] = {nullptr, size_ + 1};
    links[height_] = &head_[height_];
    passed[height_] = 0;
  }
  auto* node = static_cast<rank_node*>(std::malloc(sizeof(rank_node) + height * sizeof(rank_node::link) + name.size()));
  if (node == nullptr) throw std::bad_alloc();
  node->position = position;
  node->name_size = static_cast<std::uint32_t>(name.size());
  node->score = score;
  node->height = height;
  if (!name.empty()) std::memcpy(reinterpret_cast<char*>(node->links() + height), name.data(), name.size());
  for (std::uint32_t level = 0; level < height_; ++level) {
    if (level >= height) {
      ++links[level]->width;
      continue;
    }
    const auto gone = place - passed[level];
    node->links()[level] = {links[level]->next, links[level]->width - gone};
    *links[level] = {node, gone + 1};
  }
  node->before = before;
  auto* next = node->links()[0].next;
  (next == nullptr ? last_ : next->before) = node;
  ++size_;
  return node;
}

void rank_list::remove(rank_node* node) {
  rank_node::link* from = head_.data();
  for (auto level = height_; level-- > 0;) {
    while (from[level].next != nullptr && from[level].next != node &&
           comes_before(from[level].next->score, from[level].next->name(), node->score, node->name()))
      from = from[level].next->links();
    auto& link = from[level];
    if (link.next == node)
      link = {node->links()[level].next, link.width + node->links()[level].width - 1};
    else
      --link.width;
  }
  auto* next = node->links()[0].next;
  (next == nullptr ? last_ : next->before) = node->before;
  while (height_ > 1 && head_[height_ - 1].next == nullptr) --height_;
  --size_;
  std::free(node);
}

std::size_t rank_list::rank_of(const rank_node& node) const noexcept {
  const rank_node::link* from = head_.data();
  std::size_t place = 0;
  for (auto level = height_; level-- > 0;) {
    while (from[level].next != nullptr &&
           comes_before(from[level].next->score, from[level].next->name(), node.score, node.name())) {
      place += from[level].width;
      from = from[level].next->links();
    }
  }
  return place;
}

const rank_node* rank_list::at(std::size_t rank) const noexcept {
  const rank_node::link* from = head_.data();
  std::size_t left = rank + 1;
  const rank_node* node = nullptr;
  for (auto level = height_; level-- > 0;) {
    while (from[level].next != nullptr && from[level].width <= left) {
      left -= from[level].width;
      node = from[level].next;
      from = node->links();
    }
    if (left == 0) break;
  }
  return node;
}

std::size_t rank_list::count_while(function_ref<bool(double score, std::string_view name)> passes) const noexcept {
  const rank_node::link* from = head_.data();
  std::size_t place = 0;
  for (auto level = height_; level-- > 0;) {
    while (from[level].next != nullptr && passes(from[level].next->score, from[level].next->name())) {
      place += from[level].width;
      from = from[level].next->links();
    }
  }
  return place;
}

}  // namespace troupe
