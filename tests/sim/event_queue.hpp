// The order of the world: a binary heap of what happens next. Events of one instant happen in the
// order in which they were pushed, so a seed always gives the same run.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/process.hpp"

namespace troupe::sim {

struct happening {
  enum class kind : std::uint8_t { tick, packet, link_lost, written, drain, script };
  kind what = kind::script;
  channel how = channel::datagram;
  node_index node = 0;           // to whom it happens
  node_index from = 0;           // packet, link_lost: the peer
  std::uint32_t start = 0;       // all but packet: meant for this start of the process
  std::uint32_t generation = 0;  // stream packet: of its link; link_lost, written: their number
  bool closed = false;           // link_lost: by the peer's host
  std::string bytes;
  std::function<void()> act;  // written, script
};

class event_queue {
 public:
  void push(time_point when, happening h) {
    std::uint32_t slot = 0;
    if (free_.empty()) {
      slot = static_cast<std::uint32_t>(slots_.size());
      slots_.push_back(std::move(h));
    } else {
      slot = free_.back();
      free_.pop_back();
      slots_[slot] = std::move(h);
    }
    heap_.push_back({when, next_sequence_++, slot});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }

  [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }

  /// When the next thing happens; not to be asked when empty.
  [[nodiscard]] time_point next() const { return heap_.front().when; }

  [[nodiscard]] happening pop() {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const std::uint32_t slot = heap_.back().slot;
    heap_.pop_back();
    free_.push_back(slot);
    return std::move(slots_[slot]);
  }

 private:
  struct entry {
    time_point when;
    std::uint64_t sequence;
    std::uint32_t slot;
  };

  static bool later(const entry& a, const entry& b) noexcept {
    return a.when != b.when ? a.when > b.when : a.sequence > b.sequence;
  }

  std::vector<entry> heap_;
  std::vector<happening> slots_;
  std::vector<std::uint32_t> free_;
  std::uint64_t next_sequence_ = 0;
};

}  // namespace troupe::sim
