// A member's part in locks: it says to the leader, again and again, all that this process claims, and knows until
// when each hold is sure.
//
//   claim() -> wanting --held--> held --(ttl without the leader's word)--> lost
//                 |refused, waited too long          |drop()                (a claim that stays: wanting again)
//                 v                                  v
//               refused                           dropping --gone--> forgotten
//
// A hold counts from the moment its ask was SENT, so it is over here before the leader takes it for over.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <troupe/time.hpp>

#include "runtime/locks/lock_message.hpp"
#include "runtime/locks/lock_table.hpp"

namespace troupe {

inline constexpr std::size_t lock_claims_max = 256;  // of one process
/// Between two asks; a quarter of the shortest ttl when that is less.
inline constexpr duration lock_ask_interval = std::chrono::seconds(1);
/// A request that will not wait is refused when the leader has not answered for so long.
inline constexpr duration lock_answer_max = std::chrono::seconds(3);

struct lock_event {
  enum class kind : std::uint8_t { granted, lost, refused };
  claim_number claim = 0;
  kind what = kind::granted;
  std::uint64_t token = 0;
  error why{};
};

class lock_client {
 public:
  /// `first`: claims are counted from here, so that those of an earlier client are not taken for its own.
  lock_client(member_ref self, claim_number first) : self_(std::move(self)), last_claim_(first) {}

  /// `stays`: claimed anew when it is lost, until it is dropped; never waits in vain. errc::invalid_argument,
  /// errc::unavailable above lock_claims_max.
  [[nodiscard]] expected<claim_number> claim(lock_request request, bool stays, time_point now);
  /// Unknown claims are ignored.
  void drop(claim_number claim, time_point now);
  void drop_all(time_point now);
  /// Dropped by itself at `until`. errc::not_found.
  expected<void> keep(claim_number claim, time_point until);

  void on_leader(const std::optional<member_ref>& leader, time_point now);
  void on_answer(const lock_message& answer, time_point now);
  /// What is due: asks to the leader, ends of holds.
  void run(time_point now, std::vector<lock_packet>& out);
  [[nodiscard]] time_point next_tick() const;
  [[nodiscard]] std::vector<lock_event> take_events() { return std::exchange(events_, {}); }

  /// Until when this claim is surely held; time_point::min() when it is not.
  [[nodiscard]] time_point held_until(claim_number claim) const;
  [[nodiscard]] bool holds(claim_number claim, time_point now) const { return now < held_until(claim); }
  [[nodiscard]] std::uint64_t token_of(claim_number claim) const;
  [[nodiscard]] bool knows(claim_number claim) const { return claims_.contains(claim); }
  struct holding {
    claim_number claim = 0;
    lock_key key;
    std::uint64_t token = 0;
    time_point until{};
  };
  [[nodiscard]] std::vector<holding> holdings() const;

 private:
  enum class state : std::uint8_t { wanting, held, dropping };
  struct entry {
    lock_request request;
    bool stays = false;
    state now = state::wanting;
    std::uint64_t token = 0;
    time_point until{};                      // of the hold
    time_point give_up = time_point::max();  // of wanting, or of dropping
    time_point keep_until = time_point::max();
    std::uint64_t answered = 0;  // sequence of the latest answer that counted
  };

  void ask(time_point now, std::vector<lock_packet>& out);
  void end_what_is_over(time_point now);
  void on_item(const lock_item& item, std::uint64_t sequence, time_point sent, time_point now);
  void lose(claim_number claim, entry& e, const char* why);
  void begin_drop(entry& e, time_point now);

  member_ref self_;
  std::optional<member_ref> leader_;
  std::map<claim_number, entry> claims_;
  claim_number last_claim_;
  std::uint64_t sequence_ = 0;
  std::map<std::uint64_t, time_point> sent_;  // the latest asks
  time_point next_ask_ = time_point::max();
  std::vector<lock_event> events_;
};

}  // namespace troupe
