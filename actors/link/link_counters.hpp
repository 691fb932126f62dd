// What the link counts; the metrics are read from here when somebody scrapes.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "actors/metrics.hpp"
#include "runtime/link/handshake.hpp"

namespace troupe {

struct link_counters {
  using counter = std::atomic<std::uint64_t>;

  counter connections{0};  // established now
  counter connections_opened{0};
  counter frames_in{0};
  counter frames_out{0};
  counter bytes_in{0};
  counter bytes_out{0};
  counter writes_by_senders{0};  // on their own thread, not the I/O thread's
  counter queue_full{0};         // frames refused
  counter peers_lost{0};
  counter dials_failed{0};
  counter garbage{0};        // connections closed for bytes that are no frames
  counter evicted{0};        // connections that gave way in their handshake or found no room
  counter self_connects{0};  // dials that reached their own socket
  counter late_replies{0};
  counter timeouts{0};                                   // requests without an answer
  std::array<counter, link_refusals> refused{};          // handshakes that this node refused, by reason
  std::array<counter, link_refusals> refused_by_peer{};  // and that others refused

  static void add(counter& c, std::uint64_t n = 1) noexcept { c.fetch_add(n, std::memory_order_relaxed); }
};

/// Registers troupe_link_*; `counters` must outlive `numbers`' last scrape.
void register_link_metrics(metrics& numbers, const link_counters& counters);

}  // namespace troupe
