// The cluster as cluster-aware clients want it: who serves which slots, under which RESP address.
//
// Members tell their RESP address in the tag `resp`. Slots of a member that has none are shown as this node's: it
// forwards. Only primaries are shown; copies are this cluster's own affair. Slots without a primary are left out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gateways/resp/environment.hpp"
#include "runtime/sharding/slot.hpp"

namespace troupe::resp {

inline constexpr const char* address_tag = "resp";

struct cluster_node {
  std::string id;  // 40 letters
  std::string host;
  std::uint16_t port = 0;
  std::uint16_t bus_port = 0;
  bool me = false;
  bool alive = true;
  bool suspect = false;
  bool linked = true;
  std::vector<slot_range> slots;  // ascending, joined
};

struct cluster_map {
  std::vector<cluster_node> nodes;  // by id; those that speak RESP
  std::uint32_t slots_assigned = 0;
  std::uint64_t epoch = 0;

  [[nodiscard]] bool complete() const noexcept { return slots_assigned == slots_total; }
};

[[nodiscard]] cluster_map map_of(const environment& e);

}  // namespace troupe::resp
