// What an election machine asks its shell to do, and what it reports.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

#include "runtime/election/record.hpp"
#include "runtime/election/store.hpp"
#include "runtime/election/voter.hpp"

namespace troupe {

struct known_leader {
  member_ref who;
  std::uint64_t pid = 0;
  std::uint64_t term = 0;
  bool fenced = false;
  std::string fenced_reason;
  time_point since{};
  std::string cause{};  // as in leader_elected
};

/// A member's own lease: it may act for its shards under `term` until `until`.
struct member_lease {
  std::uint64_t term = 0;
  time_point until{};
};

/// To be sent over the cluster link; may be lost together with the peer.
struct election_packet {
  member_ref to;
  std::string bytes;
};

/// Somebody leads. At the leader itself it comes together with became_leader.
struct leader_elected {
  member_ref who;
  std::uint64_t pid = 0;
  std::uint64_t term = 0;
  bool fenced = false;
  std::string fenced_reason;  // why not
  std::string cause{};        // why it leads: founded, started, or how the leader before it ended
};
/// The leader known here is none any more: lease_over, failed, departed, restarted,
/// replaced, or the leader's own word: resigned, transferred, priority, leaving, stands_aside.
struct leader_lost {
  member_ref who;
  std::uint64_t term = 0;
  std::string reason;
};
/// This node leads. `inherited_leases_until`: members may hold leases of an earlier leader until then.
struct became_leader {
  std::uint64_t term = 0;
  time_point inherited_leases_until{};
};
/// This node led: lease_over, higher_term, resigned, transferred, priority, leaving, stands_aside.
struct stepped_down {
  std::uint64_t term = 0;
  std::string reason;
};
struct pid_given {
  member_ref who;
  std::uint64_t pid = 0;
};
/// A record is committed and on this node's disk. Only such a record may be acted on.
struct record_committed {
  record_ptr record;
};
/// The end of a proposal that propose() took. unavailable: not done; outcome_unknown: may be done.
struct proposal_ended {
  std::uint64_t proposal = 0;
  expected<stamp> result;
};
/// This node cannot found or join; it goes on trying.
struct bootstrap_refused {
  std::string reason;
};
/// Another node was refused here.
struct joiner_refused {
  member_ref who;
  std::string reason;
};

/// At the leader, and at who asked for it when it failed: the end of a planned hand-over.
struct handover_ended {
  std::string to;     // name; empty: whoever it was
  std::string fault;  // empty: `to` leads, or is about to
};

/// The leader store, or what is in it, is not as it should be; empty: it is again.
struct store_changed {
  std::string fault;
};

/// Another node wrote the leader store's entry; it listens here.
struct leader_in_store {
  std::string address;
};

using election_event =
    std::variant<leader_elected, leader_lost, became_leader, stepped_down, pid_given, record_committed, proposal_ended,
                 bootstrap_refused, joiner_refused, store_changed, leader_in_store, handover_ended>;

struct election_output {
  std::vector<election_packet> packets;
  std::optional<persist_request> persist;  // the latest; one is under way at a time
  std::optional<store_request> store;      // one is under way at a time
  std::vector<election_event> events;
};

struct election_counters {
  std::uint64_t malformed = 0;           // bytes that are no election message
  std::uint64_t foreign_cluster = 0;     // messages of another cluster
  std::uint64_t stale_term_refused = 0;  // messages and records below what was accepted here
  std::uint64_t joiners_refused = 0;
  std::uint64_t elections_begun = 0;
  std::uint64_t candidacies = 0;
  std::uint64_t bully_sent = 0;  // ELECTION, OK and COORDINATOR
  std::uint64_t terms_led = 0;
  std::uint64_t handovers_begun = 0;
  std::uint64_t handovers_failed = 0;
  std::uint64_t records_committed = 0;
  std::uint64_t store_hints = 0;  // on_store_changed
};

}  // namespace troupe
