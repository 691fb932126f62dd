#include "runtime/base/replay_window.hpp"

#include <algorithm>

namespace troupe {

bool replay_window::take(std::uint64_t sender, std::uint32_t number) {
  auto at = windows_.find(sender);
  if (at == windows_.end()) {
    if (windows_.size() >= senders_max_) forget_one();
    at = windows_.emplace(sender, window{}).first;
    at->second.highest = number;
  }
  auto& w = at->second;
  w.heard = ++turn_;
  const auto slot = [&w](std::uint32_t n) -> std::uint64_t& { return w.seen[n % width / 64]; };
  const auto bit = [](std::uint32_t n) { return std::uint64_t{1} << (n % 64); };
  if (number > w.highest) {
    // Slots between the old and the new highest number belong to numbers not seen yet.
    if (number - w.highest >= width) {
      w.seen.fill(0);
    } else {
      for (std::uint32_t n = w.highest + 1; n != number; ++n) slot(n) &= ~bit(n);
      slot(number) &= ~bit(number);
    }
    w.highest = number;
  } else if (w.highest - number >= width) {
    return false;
  }
  if ((slot(number) & bit(number)) != 0) return false;
  slot(number) |= bit(number);
  return true;
}

void replay_window::forget_one() {
  const auto silent = std::min_element(windows_.begin(), windows_.end(),
                                       [](const auto& a, const auto& b) { return a.second.heard < b.second.heard; });
  if (silent != windows_.end()) windows_.erase(silent);
}

}  // namespace troupe
