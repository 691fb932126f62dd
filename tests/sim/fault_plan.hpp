// A random plan of faults, drawn from the world's seed: each begins at some instant, lasts a while
// and is undone. The plan is made when the function is called and carried out as time passes.
#pragma once

#include <cstdint>

#include <troupe/time.hpp>

#include "tests/sim/world.hpp"

namespace troupe::sim {

/// How often each kind of fault is drawn, next to the others; 0: never.
struct fault_mix {
  std::uint32_t loss_storm = 2;
  std::uint32_t slow_network = 1;
  std::uint32_t reordering = 1;
  std::uint32_t partition = 2;
  std::uint32_t partial_cut = 2;
  std::uint32_t one_way_cut = 2;
  std::uint32_t pause = 2;
  std::uint32_t slow_node = 1;
  std::uint32_t kill = 3;
  std::uint32_t power_loss = 1;
  std::uint32_t disk_loss = 0;  // a kill that loses the disk too
  std::uint32_t link_break = 1;
  std::uint32_t blocked_io = 0;  // nothing goes in or out, while the process runs

  duration gap_max = std::chrono::seconds(10);     // from one fault's begin to the next
  duration length_max = std::chrono::seconds(20);  // of one fault
  double loss_max = 0.25;
  std::uint32_t down_max = 1;  // nodes that may be down at once (killed, without power, without disk)
};

/// Plans faults for the next `length`. Ends within length + length_max; call world::heal() then.
void plan_random_faults(world& w, const fault_mix& mix, duration length);

}  // namespace troupe::sim
