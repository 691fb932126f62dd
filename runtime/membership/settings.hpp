// The numbers of failure detection, as profiles. `lan`, `wan` and `local` are those of HashiCorp
// memberlist, which a decade of use has tuned; `fast` is for clusters in one rack or one machine.
//
// With n members and the local health score h: one probe each probe_interval * (h + 1), judged after that
// time; suspicion lasts between suspicion_mult * max(1, log10 n) * probe_interval and suspicion_max_mult
// times that; an update is sent at most retransmit_mult * ceil(log10(n + 1)) times.
#pragma once

#include <cstdint>
#include <string_view>

#include <troupe/config.hpp>
#include <troupe/error.hpp>
#include <troupe/time.hpp>

#include "runtime/membership/flap_history.hpp"

namespace troupe::membership {

using namespace std::chrono_literals;

struct settings {
  duration probe_interval = 1s;       // one member is probed each
  duration probe_timeout = 500ms;     // then others are asked to probe it
  std::uint32_t indirect_probes = 3;  // how many others
  std::uint32_t suspicion_mult = 4;
  std::uint32_t suspicion_max_mult = 6;
  std::uint32_t retransmit_mult = 4;
  duration gossip_interval = 200ms;   // between rounds while there is news
  std::uint32_t gossip_nodes = 3;     // receivers of a round
  duration push_pull_interval = 30s;  // tables are compared at least this often
  duration reconnect_interval = 5s;   // between attempts to reach failed members and seeds

  // Lifeguard and what goes beyond it: local health, NACKs, suspicions that begin long, the suspect told
  // first, own stalls noticed, failures that two observers saw. False: SWIM as published, for comparison.
  bool lifeguard = true;
  std::uint32_t health_max = 8;                  // the local health score stays below it
  std::uint32_t accusations_per_minute_max = 6;  // by own probes; beyond it this member doubts itself first
  std::size_t two_accusers_from = 5;             // from so many members on, one observer's word fails nobody

  // A link that the peer's host closed is a strong hint: the probe that follows is judged after
  // closed_link_timeout, and when several observers agree, suspicion ends after closed_link_suspicion.
  duration closed_link_timeout = 300ms;
  duration closed_link_suspicion = 400ms;

  duration join_retry_min = 100ms;  // while no seed answers
  duration join_refused_min = 1s;   // after a refusal
  duration join_retry_max = 30s;
  duration join_unanswered_after = 2s;                  // silence of all seeds that is worth a word
  duration join_unanswered_again = 30s;                 // and the next one
  duration leave_timeout = 2s;                          // a departure is over at the latest then
  duration failed_retention = std::chrono::hours(24);   // failed members are tried again for so long
  duration departed_retention = std::chrono::hours(1);  // how long a departed id cannot come back by old news
  flap_rules flaps;                                     // a member that fails and returns too often
};

/// errc::not_found when there is no such profile (lan, wan, local, fast).
[[nodiscard]] expected<settings> profile(std::string_view name);

/// The profile of `c` with the values that it gives itself.
[[nodiscard]] expected<settings> settings_of(const gossip_config& c);

/// The shortest suspicion in a cluster of `members`.
[[nodiscard]] duration suspicion_min(const settings& s, std::size_t members) noexcept;

/// How often one update is sent by one member in a cluster of `members`.
[[nodiscard]] std::uint32_t retransmit_limit(const settings& s, std::size_t members) noexcept;

/// push_pull_interval, longer by itself for each doubling of the cluster above 32 members.
[[nodiscard]] duration push_pull_interval(const settings& s, std::size_t members) noexcept;

}  // namespace troupe::membership
