// Requests for entities that other nodes forward to this one (entity_forwarder.hpp): HTTP on the cluster link, answered
// by the same routes as at the door. What is off here is refused with not_owner; nothing is forwarded any further.
#pragma once

#include <atomic>
#include <memory>

#include <troupe/config.hpp>

#include "actors/link/link_table.hpp"
#include "actors/metrics.hpp"

namespace troupe {

class entity_service;

struct entity_server_counters {
  static constexpr std::uint64_t requests_max = 1024;                  // under way; more are refused
  static constexpr std::uint64_t header_max = 1024 * 1024;             // the sender has checked it against its own
  static constexpr std::uint64_t answer_bytes_max = 32 * 1024 * 1024;  // a larger one becomes 507
  static constexpr duration way = std::chrono::milliseconds(250);      // kept of the deadline for the answer's way

  std::atomic<std::uint64_t> served{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> malformed{0};
  std::atomic<std::uint64_t> under_way{0};
};

/// From now on, until the link is closed; before it starts. `entities` outlives that.
[[nodiscard]] expected<std::shared_ptr<const entity_server_counters>> serve_entity_requests(link_table& link,
                                                                                            entity_service& entities,
                                                                                            const http_config& limits);

/// troupe_entities_forward_served_total, _refused_total, _malformed_total.
void register_metrics(metrics& m, const std::shared_ptr<const entity_server_counters>& numbers);

}  // namespace troupe
