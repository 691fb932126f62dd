// What an election machine is told at its start, and every time-out it derives from the lease.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <troupe/time.hpp>

#include "runtime/election/record.hpp"

namespace troupe {

/// lan 1.5 s, fast 0.6 s, wan 6 s, local 1.5 s; any other word means lan.
[[nodiscard]] inline duration lease_of_profile(std::string_view profile) noexcept {
  using std::chrono::milliseconds;
  if (profile == "fast") return milliseconds(600);
  return profile == "wan" ? milliseconds(6000) : milliseconds(1500);
}

/// With a leader store: its answers take longer, and etcd counts in whole seconds.
inline constexpr duration store_lease_min = std::chrono::seconds(3);

struct election_timing {
  duration lease;

  [[nodiscard]] duration renewal() const { return lease / 3; }
  /// From the sending of a renewal that a majority answered to the leader's stepping down.
  [[nodiscard]] duration reign() const { return lease * 2 / 3; }
  /// Whose answer is not older than this is counted on when the voters' list is changed.
  [[nodiscard]] duration answered_lately() const { return renewal() * 2; }
  /// Between two neighbours in rank, so that the highest is heard before the next one speaks.
  [[nodiscard]] duration rank_step() const { return lease / 20; }
  [[nodiscard]] duration ok_timeout() const { return lease / 8; }
  [[nodiscard]] duration coordinator_timeout() const { return lease; }
  [[nodiscard]] duration ask_retry() const { return lease / 4; }
  [[nodiscard]] duration candidacy() const { return lease * 2; }
  /// Two of them fit between a renewal and the end of the reign.
  [[nodiscard]] duration store_call() const { return lease / 4; }
  /// Readings that hints ask for are not closer than this to the request before.
  [[nodiscard]] duration store_hint_gap() const { return lease / 60; }
  /// A leader tells its members of each of its own changes: so long a member waits for that before it reads.
  [[nodiscard]] duration store_hint_patience() const { return lease / 20; }
  [[nodiscard]] duration hello_interval() const { return lease / 6; }
  /// Members that appear one after the other are greeted together.
  [[nodiscard]] duration hello_gap() const { return lease / 60; }
  /// Nobody new came for so long: then one of those who have no cluster founds it alone.
  [[nodiscard]] duration found_settle() const { return lease / 2; }
  [[nodiscard]] duration record_ask_gap() const { return lease / 6; }
  /// A node that starts with a record listens this long before it calls an election.
  [[nodiscard]] duration start_quiet() const { return lease; }
  /// From asking a member to stand to its being ready; a leader whose successor is silent leads on.
  [[nodiscard]] duration handover() const { return lease / 3; }
  /// One that resigned lets others stand first.
  [[nodiscard]] duration resigned_quiet() const { return lease * 2; }
};

/// A record keeps the PID of a failed member this long: it may come back as the same incarnation.
inline constexpr duration failed_pid_kept = std::chrono::seconds(60);
/// A member's lease is shortened by this part of it: clocks may differ in rate by half of that.
inline constexpr std::int64_t clock_rate_margin = 500;
/// A record beyond it is not proposed to a leader store: memcached takes values of 1 MiB.
inline constexpr std::size_t store_record_bytes_max = 960U << 10U;
inline constexpr std::size_t proposals_max = 64;  // waiting at the leader

struct election_options {
  member_ref self;
  std::string address;
  std::int32_t priority = 0;
  std::string cluster_name = "troupe";
  std::uint32_t expected_members = 1;  // 1..record_voters_max
  bool accept_joiners = true;          // false: a node alone refuses everyone
  duration lease = std::chrono::milliseconds(1500);
  cluster_id fresh_cluster;                            // used only if this node founds the cluster
  std::map<std::string, std::string> founding_values;  // put into the founding record
  std::map<std::string, std::string> equal_values;     // who has others may not join
  std::string store_kind;     // of a leader store that decides in the voters' place; empty: voters decide
  bool by_seeds = false;      // others are looked for, who may have a cluster
  bool founds_alone = false;  // with a leader store: it was told nobody to look for
  bool take_over = false;     // a member of higher priority gets the lead when it has been there for hold_down
  duration hold_down = std::chrono::seconds(30);
  bool durable = true;  // false: the vote file does not survive; not fenced then
};

}  // namespace troupe
