// A plan of faults for a simulated cluster: what goes wrong, when, and for how long. As text it is one line that a
// run can be repeated by:
//
//   kill n2 at 3100ms for 800ms; partition n1 n3 at 5s for 2s; loss 20% at 1s for 500ms
//
// Nodes are named as those of local_cluster, n1 first. Times count from the moment at which the cluster stands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

namespace troupe {

struct planned_fault {
  enum class kind : std::uint8_t {
    kill,       // the process ends at once, and starts anew when the fault is over; its memory is gone, its disk stays
    pause,      // the node stands still
    partition,  // the nodes and all others hear nothing of each other
    loss,       // of datagrams `percent` are lost; what a connection carries comes 200 ms late as often
    delay,      // everything takes up to `delay` longer
  };
  kind what = kind::kill;
  duration at{};
  duration lasts{};
  std::vector<std::size_t> nodes{};  // by index: one of a kill or a pause, some of a partition
  std::uint32_t percent = 0;
  duration delay{};

  bool operator==(const planned_fault&) const = default;
};

using fault_plan = std::vector<planned_fault>;

/// "no faults" for an empty one.
[[nodiscard]] std::string to_text(const fault_plan& plan);
/// Reads what to_text wrote; errc::invalid_argument with the part that cannot be read, for times below 0 or beyond an
/// hour, and for more than 1000 faults.
[[nodiscard]] expected<fault_plan> parse_fault_plan(std::string_view text);
/// Empty: every node of the plan is one of `nodes`, and as many as its fault takes.
[[nodiscard]] std::string fault_of(const fault_plan& plan, std::size_t nodes);

/// How often each kind is drawn, on average in a minute.
struct fault_rates {
  double kills = 3;
  double pauses = 3;
  double partitions = 3;
  double losses = 2;
  double delays = 2;
  duration lasts_max = std::chrono::seconds(6);       // of one fault; most are shorter
  duration between_kills = std::chrono::seconds(10);  // from one's end to the next: copies are made again meanwhile

  [[nodiscard]] static constexpr fault_rates none() { return {0, 0, 0, 0, 0}; }
};

/// Faults of `length`, each over within it. The same seed gives the same plan.
[[nodiscard]] fault_plan draw_fault_plan(const fault_rates& rates, std::size_t nodes, duration length,
                                         std::uint64_t seed);

}  // namespace troupe
