#include "runtime/cache/expiry_wheel.hpp"

#include <algorithm>
#include <bit>

namespace troupe {

namespace {

constexpr duration::rep tick_length = std::chrono::duration_cast<duration>(std::chrono::milliseconds(1)).count();

}  // namespace

// Rounded up: what is due has expired.
expiry_wheel::tick expiry_wheel::due_tick(time_point at) noexcept {
  const auto since = std::max<duration::rep>(at.time_since_epoch().count(), 0);
  return static_cast<tick>(since / tick_length) + (since % tick_length != 0 ? 1 : 0);
}

expiry_wheel::bucket expiry_wheel::add(std::uint32_t position, time_point at) {
  // Beyond the last level's turn, 139 years, it comes early and is added again.
  const tick due = std::min(std::max(due_tick(at), current_), current_ + width(levels) - 1);
  // The lowest level that reaches so far.
  unsigned level = 0;
  while (level + 1 < levels && due - current_ >= width(level + 1)) ++level;
  const auto slot = static_cast<unsigned>(due >> (level * level_bits)) % slots;
  if (heads_.empty()) heads_.assign(levels * slots, nil);
  if (free_ == nil) {
    nodes_.push_back({0, nil});
    free_ = static_cast<std::uint32_t>(nodes_.size() - 1);
  }
  const auto index = free_;
  const auto to = static_cast<bucket>(level * slots + slot);
  free_ = nodes_[index].next;
  nodes_[index] = {position, heads_[to]};
  heads_[to] = index;
  filled_[level] |= std::uint64_t{1} << slot;
  ++size_;
  return to;
}

bool expiry_wheel::comes_by(bucket b, time_point at) const noexcept {
  if (b == no_bucket) return false;
  const unsigned level = b / slots;
  const tick window = current_ >> (level * level_bits);
  tick ahead = (b % slots - window) % slots;
  // A bucket of a further level is emptied when its window begins: within it, it is the one of the next turn.
  if (ahead == 0 && !begins(level)) ahead = slots;
  return (window + ahead) << (level * level_bits) <= due_tick(at);
}

expiry_wheel::reference expiry_wheel::pop(unsigned level, unsigned slot) noexcept {
  const auto from = static_cast<bucket>(level * slots + slot);
  const auto index = heads_[from];
  const reference r{nodes_[index].position, from};
  heads_[from] = nodes_[index].next;
  if (heads_[from] == nil) filled_[level] &= ~(std::uint64_t{1} << slot);
  nodes_[index].next = free_;
  free_ = index;
  if (--size_ == 0 && nodes_.capacity() > stale_min) {
    nodes_ = std::vector<node>();
    free_ = nil;
  }
  return r;
}

std::optional<expiry_wheel::reference> expiry_wheel::next(time_point now) noexcept {
  const auto until = static_cast<tick>(std::max<duration::rep>(now.time_since_epoch().count(), 0) / tick_length) + 1;
  for (;;) {
    if (size_ == 0) current_ = std::max(current_, until);
    if (current_ >= until) return std::nullopt;
    for (unsigned level = levels; level-- > 0;) {
      const auto slot = slot_now(level);
      if (begins(level) && (filled_[level] >> slot & 1) != 0) return pop(level, slot);
    }
    go_on(until);
  }
}

// To the next tick, or over all those that nothing can be in.
void expiry_wheel::go_on(tick until) noexcept {
  unsigned empty = 0;
  while (empty + 1 < levels && filled_[empty] == 0) ++empty;
  current_ = std::min((current_ | (width(empty) - 1)) + 1, until);
}

std::optional<expiry_wheel::reference> expiry_wheel::take() noexcept {
  for (unsigned level = 0; level < levels; ++level) {
    if (filled_[level] != 0) return pop(level, static_cast<unsigned>(std::countr_zero(filled_[level])));
  }
  return std::nullopt;
}

void expiry_wheel::clear() noexcept {
  nodes_ = std::vector<node>();
  heads_ = std::vector<std::uint32_t>();
  filled_ = {};
  free_ = nil;
  size_ = 0;
}

std::uint64_t expiry_wheel::bytes() const noexcept { return nodes_.capacity() * sizeof(node); }

}  // namespace troupe
