#include "actors/link/link_counters.hpp"

namespace troupe {

void register_link_metrics(metrics& numbers, const link_counters& counters) {
  const auto read = [](const link_counters::counter& c) {
    return [&c] { return static_cast<double>(c.load(std::memory_order_relaxed)); };
  };
  numbers.read_gauge("troupe_link_connections", "Established links", {}, read(counters.connections));
  const auto add = [&](const char* name, const char* help, const link_counters::counter& c,
                       const metrics::labels& labels = {}) { numbers.read_counter(name, help, labels, read(c)); };
  add("troupe_link_connections_opened_total", "Links established since the start", counters.connections_opened);
  add("troupe_link_frames_total", "Frames", counters.frames_in, {{"direction", "in"}});
  add("troupe_link_frames_total", "Frames", counters.frames_out, {{"direction", "out"}});
  add("troupe_link_bytes_total", "Bytes", counters.bytes_in, {{"direction", "in"}});
  add("troupe_link_bytes_total", "Bytes", counters.bytes_out, {{"direction", "out"}});
  add("troupe_link_writes_by_senders_total", "Writes that a sender made on its own thread, in turn with the peer",
      counters.writes_by_senders);
  add("troupe_link_queue_full_total", "Frames refused because a send queue was full", counters.queue_full);
  add("troupe_link_peers_lost_total", "Links that broke", counters.peers_lost);
  add("troupe_link_dials_failed_total", "Dials that led nowhere", counters.dials_failed);
  add("troupe_link_garbage_total", "Connections closed for bytes that are no frames", counters.garbage);
  add("troupe_link_evicted_total", "Connections that gave way in their handshake", counters.evicted);
  add("troupe_link_self_connects_total", "Dials that reached their own socket", counters.self_connects);
  add("troupe_link_late_replies_total", "Replies that nobody waited for", counters.late_replies);
  add("troupe_link_timeouts_total", "Requests without an answer", counters.timeouts);
  for (std::size_t i = 1; i < link_refusals; ++i) {
    const std::string reason(name_of(static_cast<link_refusal>(i)));
    add("troupe_link_refused_total", "Handshakes refused", counters.refused[i], {{"reason", reason}, {"by", "us"}});
    add("troupe_link_refused_total", "Handshakes refused", counters.refused_by_peer[i],
        {{"reason", reason}, {"by", "peer"}});
  }
}

}  // namespace troupe
