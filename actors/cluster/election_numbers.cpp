#include "actors/cluster/election_numbers.hpp"

#include <iterator>

namespace troupe {

namespace {

using counters = election_counters;

struct row {
  const char* name;
  const char* help;
  std::uint64_t counters::*member;
};

constexpr row rows[] = {
    {"troupe_election_stale_term_refused_total", "Messages and records refused with stale_term",
     &counters::stale_term_refused},
    {"troupe_election_malformed_total", "Bytes that were no election message", &counters::malformed},
    {"troupe_election_foreign_cluster_total", "Messages of other clusters", &counters::foreign_cluster},
    {"troupe_election_joiners_refused_total", "Members told that they may not join", &counters::joiners_refused},
    {"troupe_election_begun_total", "Elections begun here", &counters::elections_begun},
    {"troupe_election_candidacies_total", "Times this node stood", &counters::candidacies},
    {"troupe_election_bully_sent_total", "ELECTION, OK and COORDINATOR messages sent", &counters::bully_sent},
    {"troupe_election_terms_led_total", "Terms that this node led", &counters::terms_led},
    {"troupe_election_records_committed_total", "Cluster records that counted here", &counters::records_committed},
    {"troupe_election_handovers_total", "Planned hand-overs begun by this leader", &counters::handovers_begun},
    {"troupe_election_handovers_failed_total", "Of them, those that came to nothing", &counters::handovers_failed},
    {"troupe_election_store_hints_total", "Times the leader store said that its entry has changed",
     &counters::store_hints},
};

}  // namespace

void election_numbers::publish(const leadership& lead, time_point now) {
  static_assert(std::size(rows) == counters_count);
  const auto set = [](number& to, std::uint64_t value) { to.store(value, std::memory_order_relaxed); };
  if (const auto* e = lead.voting()) {
    for (std::size_t i = 0; i < counters_count; ++i) set(counters_[i], e->counters().*rows[i].member);
  }
  const auto& leader = lead.leader_now();
  set(term_, leader ? leader->term : 0);
  set(fenced_, leader && leader->fenced ? 1 : 0);
  set(leads_, lead.may_act(now) ? 1 : 0);
}

void election_numbers::register_metrics(metrics& to) const {
  const auto read = [](const number& n) {
    return [&n] { return static_cast<double>(n.load(std::memory_order_relaxed)); };
  };
  for (std::size_t i = 0; i < counters_count; ++i) to.read_counter(rows[i].name, rows[i].help, {}, read(counters_[i]));
  to.read_gauge("troupe_election_term_number", "Term of the leader known here; 0: none", {}, read(term_));
  to.read_gauge("troupe_election_leading", "1 when this node leads", {}, read(leads_));
  to.read_gauge("troupe_election_fenced", "1 when the leader's term is fenced", {}, read(fenced_));
}

}  // namespace troupe
