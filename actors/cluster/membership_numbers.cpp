#include "actors/cluster/membership_numbers.hpp"

#include <iterator>
#include <string>

namespace troupe {

namespace {

using membership::counters;

struct row {
  const char* name;
  const char* help;
  std::uint64_t counters::*member;
  const char* label = nullptr;
  const char* value = nullptr;
};

constexpr row rows[] = {
    {"troupe_membership_packets_total", "Packets of membership, over UDP and the link", &counters::packets_in,
     "direction", "in"},
    {"troupe_membership_packets_total", "", &counters::packets_out, "direction", "out"},
    {"troupe_membership_bytes_total", "Their bytes", &counters::bytes_in, "direction", "in"},
    {"troupe_membership_bytes_total", "", &counters::bytes_out, "direction", "out"},
    {"troupe_membership_dropped_total", "Packets dropped", &counters::dropped_corrupt, "reason", "corrupt"},
    {"troupe_membership_dropped_total", "", &counters::dropped_oversize, "reason", "oversize"},
    {"troupe_membership_dropped_total", "", &counters::dropped_protocol, "reason", "protocol"},
    {"troupe_membership_dropped_total", "", &counters::dropped_cluster, "reason", "cluster"},
    {"troupe_membership_table_full_total", "News of members that found no room", &counters::dropped_table_full},
    {"troupe_membership_updates_total", "Pieces of news read", &counters::updates_in},
    {"troupe_membership_updates_stale_total", "Pieces of news that were old", &counters::updates_stale},
    {"troupe_membership_probes_total", "Members probed", &counters::probes},
    {"troupe_membership_probes_indirect_total", "Requests to others to probe", &counters::probes_indirect},
    {"troupe_membership_probes_failed_total", "Probes that nobody answered", &counters::probes_failed},
    {"troupe_membership_link_hints_total", "Broken links that led to a probe", &counters::link_hints},
    {"troupe_membership_nacks_total", "NACKs", &counters::nacks_in, "direction", "in"},
    {"troupe_membership_nacks_total", "", &counters::nacks_out, "direction", "out"},
    {"troupe_membership_nacks_missing_total", "NACKs that helpers owed in vain", &counters::nacks_missing},
    {"troupe_membership_suspicions_total", "Members suspected, by anybody", &counters::suspicions},
    {"troupe_membership_suspicions_refuted_total", "Of them refuted", &counters::suspicions_refuted},
    {"troupe_membership_suspicions_false_total", "Refuted ones that this node raised or confirmed",
     &counters::suspicions_false},
    {"troupe_membership_accusations_doubted_total", "Probes made once more before accusing",
     &counters::accusations_doubted},
    {"troupe_membership_failures_total", "Members declared failed", &counters::failures},
    {"troupe_membership_failures_unconfirmed_total", "Failures put off for want of a second accuser",
     &counters::failures_unconfirmed},
    {"troupe_membership_refutations_total", "Suspicions of this node that it refuted", &counters::refutations},
    {"troupe_membership_returns_total", "Members that came back from a failure", &counters::returns},
    {"troupe_membership_quarantines_total", "Quarantines begun for flapping", &counters::quarantines},
    {"troupe_membership_forced_departures_total", "Failed members declared departed by an operator here",
     &counters::forced_departures},
    {"troupe_membership_tables_sent_total", "Whole tables sent", &counters::tables_sent},
    {"troupe_membership_stalls_total", "Times this process stood still for too long to judge others",
     &counters::stalls},
};

}  // namespace

void membership_numbers::publish(const membership::swim& m) {
  static_assert(std::size(rows) == counters_count);
  const counters& c = m.counts();
  const auto set = [](number& to, std::uint64_t value) { to.store(value, std::memory_order_relaxed); };
  for (std::size_t i = 0; i < counters_count; ++i) set(counters_[i], c.*rows[i].member);
  set(dropped_, c.dropped_corrupt + c.dropped_oversize + c.dropped_protocol + c.dropped_cluster);
  set(health_, m.health());
  set(news_waiting_, m.news_waiting());
  if (m.version() != version_) publish_members(m);
}

void membership_numbers::publish_members(const membership::swim& m) {
  version_ = m.version();
  std::array<std::uint64_t, states_count> by_state{};
  std::uint64_t quarantined = 0;
  const auto count = [&](const membership::record& r) {
    ++by_state[static_cast<std::size_t>(r.state)];
    quarantined += r.flapping.quarantined() ? 1 : 0;
  };
  count(m.self());
  for (const auto& [name, r] : m.others()) count(r);
  for (std::size_t i = 0; i < states_count; ++i) members_[i].store(by_state[i], std::memory_order_relaxed);
  quarantined_.store(quarantined, std::memory_order_relaxed);
}

void membership_numbers::register_metrics(metrics& to) const {
  const auto read = [](const number& n) {
    return [&n] { return static_cast<double>(n.load(std::memory_order_relaxed)); };
  };
  const char* help = "";
  for (std::size_t i = 0; i < counters_count; ++i) {
    const auto& r = rows[i];
    if (*r.help != '\0') help = r.help;  // said once for a family
    metrics::labels labels;
    if (r.label != nullptr) labels[r.label] = r.value;
    to.read_counter(r.name, help, labels, read(counters_[i]));
  }
  for (std::size_t i = 0; i < states_count; ++i) {
    const std::string state(name_of(static_cast<member_state>(i)));
    to.read_gauge("troupe_membership_members", "Members as this node sees them", {{"state", state}}, read(members_[i]));
  }
  to.read_gauge("troupe_membership_quarantined", "Members in quarantine for flapping", {}, read(quarantined_));
  to.read_gauge("troupe_membership_health_score", "How far this node doubts itself; 0 is healthy", {}, read(health_));
  to.read_gauge("troupe_membership_news_waiting", "Pieces of news waiting to be sent", {}, read(news_waiting_));
  to.read_counter("troupe_gossip_malformed_total", "Datagrams that were no gossip of this cluster", {}, read(dropped_));
}

}  // namespace troupe
