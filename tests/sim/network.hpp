// The wires between the nodes: per ordered pair the conditions and cuts, per pair the state of the
// stream link. Holds no time and no randomness of its own: the world asks it what to do.
//
// A stream link opens with its first packet. It breaks when either direction is cut or an end dies;
// each end that lives is told once, and sends nothing on that link until it was told.
#pragma once

#include <cstdint>
#include <vector>

#include <troupe/time.hpp>

#include "tests/sim/process.hpp"

namespace troupe::sim {

struct link_conditions {
  duration latency_min = std::chrono::microseconds(200);
  duration latency_max = std::chrono::microseconds(800);
  double loss = 0;       // of a datagram; a stream packet is late by a retransmission instead
  double duplicate = 0;  // of a datagram
  double reorder = 0;    // chance of a datagram to be held back by up to reorder_delay
  duration reorder_delay = std::chrono::milliseconds(50);
};

class network {
 public:
  explicit network(std::uint32_t nodes, link_conditions common)
      : nodes_(nodes), common_(common), wires_(std::size_t{nodes} * nodes) {}

  struct wire {  // one direction
    std::uint16_t cuts = 0;
    std::uint16_t conditions = 0;      // 0: the common ones, otherwise index + 1
    bool loss_pending = false;         // the sending end is yet to be told that its link broke
    std::uint32_t loss_number = 0;     // of that notice
    std::uint32_t generation = 0;      // of the link; kept in the wire from the lower to the higher node
    bool open = false;                 // as generation
    time_point last_stream_arrival{};  // keeps the stream in order
  };

  [[nodiscard]] wire& at(node_index from, node_index to) { return wires_[std::size_t{from} * nodes_ + to]; }
  /// The wire that holds the state of the pair's link.
  [[nodiscard]] wire& link(node_index a, node_index b) { return a < b ? at(a, b) : at(b, a); }

  [[nodiscard]] bool cut(node_index from, node_index to) { return at(from, to).cuts > 0; }
  [[nodiscard]] bool link_cut(node_index a, node_index b) { return cut(a, b) || cut(b, a); }

  [[nodiscard]] const link_conditions& conditions(node_index from, node_index to) {
    const auto index = at(from, to).conditions;
    return index == 0 ? common_ : special_[index - 1U];
  }
  [[nodiscard]] link_conditions& common() noexcept { return common_; }

  void set_conditions(node_index from, node_index to, const link_conditions& c) {
    auto& w = at(from, to);
    if (w.conditions == 0) {
      special_.push_back(c);
      w.conditions = static_cast<std::uint16_t>(special_.size());
    } else {
      special_[w.conditions - 1U] = c;
    }
  }

  /// Ends every cut and every special condition.
  void heal(const link_conditions& common) {
    common_ = common;
    special_.clear();
    for (auto& w : wires_) w.cuts = w.conditions = 0;
  }

 private:
  std::uint32_t nodes_;
  link_conditions common_;
  std::vector<link_conditions> special_;
  std::vector<wire> wires_;
};

}  // namespace troupe::sim
