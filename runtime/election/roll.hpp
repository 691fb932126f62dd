// Who is there, as membership tells it: one row a name, its newest incarnation, and what the members
// have told the election about themselves. Ranks come from here.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include <troupe/cluster.hpp>
#include <troupe/time.hpp>

#include "runtime/election/record.hpp"

namespace troupe {

/// What membership says about one member.
struct election_member {
  member_ref who;
  member_state state = member_state::alive;
  std::string address;
  std::int32_t priority = 0;
};

struct roll_row {
  incarnation_id id;
  member_state state = member_state::alive;
  std::string address;
  std::int32_t priority = 0;
  time_point since{};  // of the state, as seen here

  bool vetted = false;      // it may belong to this cluster
  voter_id voter;           // as it told; empty: unknown
  time_point refused_at{};  // when it was last told that it may not join
  bool refused = false;

  std::uint64_t ask = 0;  // the member's latest ask for a lease; 0: none
  time_point ask_received{};
  time_point granted_until{};    // the latest end of a lease given to any incarnation of this name
  time_point granted_earlier{};  // the same, given before this one bore it

  [[nodiscard]] bool present() const noexcept { return state == member_state::alive || state == member_state::suspect; }
  /// Present, or departing: it still serves its shards while it hands them over.
  [[nodiscard]] bool serves() const noexcept { return present() || state == member_state::departing; }
  /// It has asked this node for a lease not longer than `lately` ago.
  [[nodiscard]] bool asks(time_point now, duration lately) const noexcept {
    return ask != 0 && now - ask_received <= lately;
  }
};

/// What a member that looks for a cluster said of itself (HELLO).
struct greeting {
  incarnation_id id;
  voter_id voter;
  bool has_record = false;
  bool founding = false;
  cluster_id cluster;
  std::uint32_t expected_members = 0;
};

/// (priority, PID, name): higher leads. Without a PID a member ranks below all that have one.
struct member_rank {
  std::int32_t priority = 0;
  std::uint64_t pid = 0;
  std::string name;

  auto operator<=>(const member_rank&) const = default;
};

class roll {
 public:
  using rows = std::map<std::string, roll_row>;

  /// False when nothing changed. A row's knowledge of another incarnation is dropped with it, except for
  /// the end of its lease. News of an older incarnation than the known one changes nothing unless
  /// it says alive.
  bool put(const election_member& m, time_point now);

  [[nodiscard]] const rows& all() const noexcept { return rows_; }
  [[nodiscard]] roll_row* find(const std::string& name);
  [[nodiscard]] const roll_row* find(const std::string& name) const;
  /// The row if it is of this incarnation.
  [[nodiscard]] roll_row* find(const member_ref& who);
  [[nodiscard]] bool present(const member_ref& who) const;

  [[nodiscard]] member_rank rank_of(const std::string& name, const roll_row& row, const cluster_record* record) const;

 private:
  rows rows_;
};

}  // namespace troupe
