// The leader's part in locks: it decides who gets what, has that committed in the cluster record, and tells the
// holders.
//
//   ask (want) -> waiters, first come first served -> next_table() -> (commit) -> on_table() -> answer: held
//   ask (hold) -> heard now -> answer: held         not heard for a whole ttl -> next_table() without it
//
// Only the holder's own word or the end of its ttl frees a permit: a member that failed may hold on while it cannot
// be heard. A new leader counts every hold as heard of just when it began to lead. on_ask is to be called only while
// this node may act as the leader: an answer given then was given before any later leader began.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include <troupe/time.hpp>

#include "runtime/locks/lock_message.hpp"
#include "runtime/locks/lock_table.hpp"

namespace troupe {

/// How long a waiter is remembered after its last ask.
inline constexpr duration lock_waiter_kept = std::chrono::seconds(5);
inline constexpr std::size_t lock_waiters_max = 4096;

struct lock_counters {
  std::uint64_t granted = 0;
  std::uint64_t released = 0;
  std::uint64_t expired = 0;
  std::uint64_t refused = 0;
};

class lock_server {
 public:
  /// This node leads from now on.
  void begin(time_point now);
  void end();
  [[nodiscard]] bool leads() const noexcept { return leads_; }

  void on_ask(const member_ref& from, const lock_message& ask, time_point now, std::vector<lock_packet>& out);
  /// The committed table, at the leader and elsewhere.
  void on_table(const lock_table& committed, time_point now, std::vector<lock_packet>& out);
  /// What should be committed next; none: all is as it should be.
  [[nodiscard]] std::optional<lock_table> next_table(time_point now);
  [[nodiscard]] time_point next_tick() const;

  [[nodiscard]] const lock_table& table() const noexcept { return table_; }
  [[nodiscard]] const lock_counters& counts() const noexcept { return counts_; }

 private:
  struct waiter {
    member_ref who;
    lock_item item;
    std::uint64_t sequence = 0;  // of its latest ask
    time_point heard{};
  };

  [[nodiscard]] lock_item answer_to(const member_ref& from, const lock_item& item, std::uint64_t sequence,
                                    time_point now);
  [[nodiscard]] std::optional<lock_item> wait(const member_ref& from, const lock_item& item, std::uint64_t sequence,
                                              time_point now);
  void forget(const member_ref& who, claim_number claim);
  [[nodiscard]] time_point over_at(const lock_grant& g) const;
  bool give(const waiter& w, lock_table& table) const;

  bool leads_ = false;
  time_point since_{};
  lock_table table_;
  std::map<std::uint64_t, time_point> heard_;  // by token; others: when this node began to lead
  std::set<std::uint64_t> dropped_;            // tokens whose holders let go
  std::vector<waiter> waiters_;                // in their order
  lock_counters counts_;
};

}  // namespace troupe
