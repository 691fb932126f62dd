// The reply of a command that waits for elements (BLPOP, BZPOPMIN, ...): it looks, waits at the primary of its keys
// until it is called, and looks again, until it got something or its time is over.
//
//   looking   a command that pops is under way; null: it waits
//   waiting   the keys' primary keeps its place (runtime/cache/waiting_line.hpp); called: it looks; nothing came within
//             `slice`: it waits again, so that no wait outlives a primary that was lost
//   resting   for a moment, when nobody could be asked, or CLIENT PAUSE holds it up; then it looks
//
// An element leaves its key by the command that pops, as any write does: what was not answered is UNKNOWN, never lost
// silently. All on the connection's thread.
#pragma once

#include <cstdint>
#include <string>

#include "gateways/resp/connection.hpp"
#include "runtime/cache/procedures/table.hpp"

namespace troupe::resp {

class blocked_command final : public compound_reply {
 public:
  static constexpr std::uint64_t clients_max = 10'000;  // of this door that wait
  static constexpr duration slice = std::chrono::seconds(2);
  static constexpr duration rest = std::chrono::milliseconds(50);

  struct request {
    const procedure_row& row;
    std::uint64_t id;     // of the wait, in the whole cluster
    std::string key;      // one of them
    std::string words;    // packed, of the command that pops
    std::string waiting;  // packed, of the wait
    duration timeout;     // 0: for ever
  };
  blocked_command(connection& c, request r);

  /// `slot` holds this reply. `looked`: nothing was there a moment ago.
  void begin(connection& c, std::uint64_t slot, bool looked);
  bool on_answer(connection& c, std::uint64_t slot, owned_reply answer) override;
  void write(reply_writer& w) override;

  /// The connection has its turn: what rests may look again.
  void on_turn(connection& c);
  /// CLIENT UNBLOCK.
  void unblock(connection& c, bool with_error);
  /// The connection ends.
  void leave(connection& c);

  /// The command that pops.
  [[nodiscard]] static cache_command pop_of(const connection& c, const request& r, duration waited);

 private:
  enum class state : std::uint8_t { looking, waiting, resting };
  enum class unblocked : std::uint8_t { no, timeout, error };

  bool look(connection& c);
  bool wait(connection& c);
  bool rest_a_moment(connection& c);
  bool on_looked(connection& c, owned_reply answer);
  bool end(connection& c, bool in_line);
  void tell_leaving(connection& c);
  [[nodiscard]] cache_command wait_command(connection& c, procedure p) const;
  [[nodiscard]] bool is_over(const connection& c) const noexcept { return c.now() >= deadline_; }

  const request asked_;
  const time_point since_;
  const time_point deadline_;
  std::uint64_t slot_ = 0;
  state state_ = state::looking;
  unblocked unblocked_ = unblocked::no;
  std::uint64_t attempt_ = 0;  // answers of earlier ones come too late
  time_point rest_until_{};
  owned_reply answer_;  // value empty and code ok: nothing came in time
  bool counted_ = true;
};

}  // namespace troupe::resp
