// What the membership machine wants done: packets to send and events to tell. Data only; whoever calls
// the machine carries it out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/cluster.hpp>
#include <troupe/ids.hpp>

#include "runtime/membership/packet.hpp"

namespace troupe::membership {

enum class channel : std::uint8_t {
  datagram,  // UDP
  stream     // a frame of the cluster link
};

struct outgoing {
  std::string address;  // where to
  std::string peer;     // the member's name, empty when not known yet
  channel how = channel::datagram;
  std::string bytes;  // at most packet_bytes_max
};

enum class event_kind : std::uint8_t {
  member_joined,        // not known before, or a new incarnation of a known name
  member_alive,         // came back from failed, or its suspicion was refuted
  member_suspect,       // text: who suspects it
  member_failed,        // text: why
  member_departing,     //
  member_departed,      //
  member_quarantined,   // it failed and came back too often; text: how often
  member_released,      // its quarantine is over
  force_leave_refused,  // `name` answered: a live member is not declared departed
  member_updated,       // its pid, services, tags or meta changed
  digest_changed,       // text: the member's new digest
  joined,               // this member: accepted by a cluster, or the first to accept another
  join_refused,         // this member, by `name` (may be empty); refusal and text say why. It tries again
  joiner_refused,       // we refused `name`
  name_conflict,        // `name` is borne by two processes; when it is our own, we have lost it and join anew
  refuted,              // this member was thought suspect or failed and has raised its incarnation
  join_unanswered,      // this member, since a while: no seed said anything that could be read
  expelled,             // this incarnation id was declared departed: only a restart can join again
  left                  // the departure is known: the process may stop
};

/// E.g. "member_joined".
[[nodiscard]] std::string_view name_of(event_kind k) noexcept;

struct event {
  event_kind kind{};
  std::string name;  // of the member
  incarnation_id id;
  std::string text{};
  join_refusal refusal = join_refusal::none;
};

struct output {
  std::vector<outgoing> packets;
  std::vector<event> events;

  void clear() {
    packets.clear();
    events.clear();
  }
};

/// Rise only. The metrics `troupe_membership_*` are these.
struct counters {
  std::uint64_t packets_in = 0, packets_out = 0, bytes_in = 0, bytes_out = 0;
  std::uint64_t dropped_corrupt = 0, dropped_oversize = 0, dropped_protocol = 0, dropped_cluster = 0;
  std::uint64_t dropped_table_full = 0;
  std::uint64_t updates_in = 0, updates_stale = 0;
  std::uint64_t probes = 0, probes_indirect = 0, probes_failed = 0, link_hints = 0;
  std::uint64_t nacks_out = 0, nacks_in = 0, nacks_missing = 0;
  std::uint64_t suspicions = 0, suspicions_refuted = 0, failures = 0;  // of others, as seen here
  std::uint64_t suspicions_false = 0;      // those refuted that this member had raised or confirmed
  std::uint64_t accusations_doubted = 0;   // probes made once more before accusing
  std::uint64_t failures_unconfirmed = 0;  // suspicions that ran out, or failures told, on one member's word
  std::uint64_t refutations = 0;           // of suspicions of this member
  std::uint64_t returns = 0, quarantines = 0, forced_departures = 0;
  std::uint64_t joins_accepted = 0, joiners_refused = 0, joins_refused = 0;
  std::uint64_t join_attempts = 0;  // rounds in which seeds were written to
  std::uint64_t tables_compared = 0, tables_sent = 0;
  std::uint64_t stalls = 0;  // this process did not run for so long that it judged nobody by it
};

}  // namespace troupe::membership
