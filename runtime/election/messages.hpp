// What election machines say to each other. One flat value; the kind says which fields count. Who sent
// it is known from the link, which has proven it, and is never read from the bytes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

#include "runtime/election/record.hpp"
#include "runtime/election/voter.hpp"

namespace troupe {

enum class election_kind : std::uint8_t {
  hello = 1,       // a node without a record looks for a cluster or for founders
  found,           // the founder proposes a founding record
  found_accepted,  // it is on the sender's disk
  founded,         // everyone accepted
  refused,         // the receiver may not join: reason
  election,        // bully: I would lead, are you there?
  ok,              // bully: I am, and I rank higher
  coordinator,     // bully: I lead, under this term
  ask_term,        // a candidate asks a voter
  term_answer,
  accept,  // the leader proposes a record to a voter
  accept_answer,
  renew,            // the leader renews its lease
  renew_answer,     // and the member says who it is
  lease,            // the leader's lease for one member
  release,          // the leader gives its lease back
  record,           // a committed record
  record_ask,       // send me your committed record
  committed,        // the record with this stamp, which you have, is committed
  stand,            // a leader that hands over: you stand now; granted: while I lead on
  ready,            // who stands so has everything but your word
  go,               // the leader acts no more: the receiver's term begins
  transfer_asked,   // to the leader: hand over to the member named in reason; none: to whom you like
  transfer_failed,  // its answer, when it does not come to that
};

struct election_message {
  election_kind kind = election_kind::hello;
  cluster_id cluster;  // empty: the sender has no record
  voter_id voter;      // the sender's
  std::uint64_t term = 0;
  stamp at;                    // of the record that the message speaks of
  std::uint64_t sequence = 0;  // of a leader's round or a member's ask
  std::uint64_t echo = 0;      // the other side's sequence
  record_ptr record;
  bool granted = false;
  refusal why = refusal::none;
  duration lease{};  // whole microseconds on the wire
  std::uint64_t promised = 0;
  std::uint32_t expected_members = 0;
  std::uint64_t pid = 0;
  bool fenced = false;
  std::string reason;
  std::string cluster_name;
  bool founding = false;
  incarnation_id leave;                       // ask_term: of the leader that lets the sender stand while it leads
  std::string cause;                          // a leader's: why it came to lead; release, stand: why the sender goes
  std::uint64_t stored = 0;                   // a leader's: version of its entry in the leader store
  std::map<std::string, std::string> values;  // what must be equal on all nodes, as the sender has it
};

inline constexpr std::size_t election_message_bytes_max = record_bytes_max + (64U << 10U);
inline constexpr duration election_lease_max = std::chrono::seconds(60);

[[nodiscard]] std::string_view name_of(election_kind kind) noexcept;

[[nodiscard]] std::string encode(const election_message& message);
/// errc::corrupt for anything out of bounds.
[[nodiscard]] expected<election_message> decode_election_message(std::string_view bytes);

/// What gossip carries about the record, at most 64 bytes: who is behind learns it here.
struct election_digest {
  std::uint64_t cluster = 0;  // folded id; 0: no record
  stamp committed;
  std::uint64_t term = 0;    // the highest heard of
  std::uint64_t leader = 0;  // low half of the leader's incarnation id; 0: none known
};

inline constexpr std::size_t election_digest_bytes_max = 64;

[[nodiscard]] std::string encode(const election_digest& digest);
[[nodiscard]] expected<election_digest> decode_election_digest(std::string_view bytes);

}  // namespace troupe
