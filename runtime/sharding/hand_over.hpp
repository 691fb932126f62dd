// Copies shards from their primaries to other members without losing a write, as live migration does with memory
// pages (Clark et al., "Live Migration of Virtual Machines", NSDI 2005): the giver sends the shard page by page
// while it serves on, then what was changed meanwhile, round by round, until little is left. Then
//   to an heir     it has work beside the store end (at most calm_max), releases the shard (serves it no more), sends
//                  the rest and tells the leader, who commits the heir as primary. For clients the shard pauses from
//                  the release to that commit. An heir in sync needs no pages.
//   to a replica   it lets later writes wait for the replica too (shard_stream.hpp), sends the rest and tells the
//                  leader, who commits the replica as in sync. Nobody pauses.
//
//   row {A, [B], heir B} adopted --page, answer--> ... --release, last page, answer--> released to the leader; row {B}
//   row {A, [B]}                 --page, answer--> ... --join, last page, answer--> joined to the leader; row {A, [B],
//   [B]} Another row, of any kind: what was copied is void.
//
// Both sides of it for one node, all its shards, one taker of a shard at a time. The caller brings tables after the
// stores adopted them, messages, time; carries out the output. Messages may be lost or repeated, not reordered within
// an attempt. It does NOT decide who gets which shard (placement does) nor when the row changes (the leader does).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <troupe/config.hpp>
#include <troupe/time.hpp>

#include "runtime/sharding/copy_message.hpp"
#include "runtime/sharding/shard_contents.hpp"
#include "runtime/sharding/shard_table.hpp"

namespace troupe {

struct hand_over_limits {
  std::uint32_t at_once = 4;                             // shards that one member gives at the same time
  std::uint64_t page_bytes = 128 * kib;                  // a page holds one entry more at the most
  std::uint64_t rate_max = 256 * mib;                    // bytes a second that one member gives; 0: no limit
  std::uint64_t rest_bytes = 32 * kib;                   // noted keys that may be left when the shard is released
  int rounds_max = 8;                                    // of changes before the release, whatever is left
  std::uint64_t changed_bytes_max = 64 * mib;            // noted keys of one shard; beyond it is released at once
  duration again = std::chrono::milliseconds(20);        // a page that came too early, a refused attempt
  duration silence = std::chrono::seconds(1);            // a page without an answer is repeated
  duration patience = std::chrono::milliseconds(500);    // without an answer a released shard is opened again
  duration drain_again = std::chrono::milliseconds(2);   // while writes of a released shard wait for copies
  duration calm_max = std::chrono::seconds(2);           // for work beside the store to end; it is cut then
  std::uint64_t slow_rate = 8 * mib;                     // bytes a second; a large page has this time as well
  duration tell_again = std::chrono::milliseconds(100);  // the leader, until the row changes
  duration full_pause = std::chrono::seconds(10);        // after a taker had no room
};

/// A primary's word to the leader: the heir has all of the shard and this node serves it no more; the replica has all
/// of it and every later write; the replica does not keep up.
struct shard_word {
  copy_kind what = copy_kind::released;
  std::uint32_t shard = 0;
  std::uint64_t epoch = 0;  // of the row
  std::uint64_t from = 0;
  std::uint64_t to = 0;
};

struct hand_over_output {
  struct message {
    std::uint64_t to = 0;  // PID
    std::string bytes;
  };
  std::vector<message> messages;
  std::vector<shard_word> words;  // told to this node, which the tellers take for the leader
};

struct hand_over_counters {
  std::uint64_t shards_given = 0;
  std::uint64_t shards_taken = 0;      // whole copies; the leader may still decide otherwise
  std::uint64_t replicas_made = 0;     // that the leader counts as in sync
  std::uint64_t replicas_dropped = 0;  // that fell behind
  std::uint64_t bytes_sent = 0;
  std::uint64_t attempts_failed = 0;
  std::uint64_t refused_for_room = 0;
  std::uint64_t malformed = 0;
};

class hand_over {
 public:
  /// `contents` outlives the machine.
  explicit hand_over(shard_contents& contents, hand_over_limits limits = {}) : contents_(contents), limits_(limits) {}

  /// The stores go by `t` now, under `my_pid`. `t` is kept by reference until the next call.
  void on_table(const shard_table& t, std::uint64_t my_pid, time_point now, hand_over_output& out);
  /// The replica `pid` holds up the writes of a shard that this node serves under the row of `epoch`.
  void on_laggard(std::uint32_t shard, std::uint64_t epoch, std::uint64_t pid, time_point now, hand_over_output& out);
  /// Who leads; 0: nobody known.
  void on_leader(std::uint64_t pid, time_point now, hand_over_output& out);
  /// `from`: the PID of the sender, proven. `serves`: this node has a lease, so it could serve what it takes.
  void on_message(std::uint64_t from, std::string_view bytes, bool serves, time_point now, hand_over_output& out);
  void on_tick(time_point now, hand_over_output& out);
  [[nodiscard]] time_point next_tick() const;

  /// Shards that are to be given and are not yet.
  [[nodiscard]] std::size_t shards_to_give() const noexcept { return givings_.size(); }
  [[nodiscard]] const hand_over_counters& counts() const noexcept { return counters_; }

 private:
  enum class phase : std::uint8_t {
    waiting,      // for its turn
    reading,      // pages from the cursor on
    catching_up,  // rounds of changes
    finishing,    // released or joining: what is left
    draining,     // released to an heir in sync, until it has all
    given,        // the leader is told
  };
  struct giving {
    std::uint64_t to = 0;
    std::uint64_t epoch = 0;
    bool inherits = false;  // else it becomes a replica in sync
    bool has_all = false;   // it is one already
    phase state = phase::waiting;
    std::uint64_t attempt = 0;
    std::uint64_t sequence = 0;  // of the page in flight
    std::uint64_t cursor = 0;
    int rounds = 0;
    bool released = false;
    bool joining = false;
    std::uint64_t stream = 0;  // sequence at the join
    bool last = false;         // the page in flight is the last
    std::string page{};        // in flight; empty: the next one is to be made
    time_point again{};        // when something is to be done without an answer
    time_point answered{};     // the latest answer, or the release
    time_point calm_until{};   // work beside the store may take so long to end; time_point{}: it was not asked to
    bool calming = false;      // that is why no page was made
  };
  struct taking {
    std::uint64_t epoch = 0;
    std::uint64_t attempt = 0;
    std::uint64_t next = 0;  // sequence
  };

  // hand_over_giver.cpp
  void start_some(time_point now, hand_over_output& out);
  void step(std::uint32_t shard, giving& g, time_point now, hand_over_output& out);
  void send_next(std::uint32_t shard, giving& g, time_point now, hand_over_output& out);
  void make_page(std::uint32_t shard, giving& g, time_point now);
  [[nodiscard]] bool stop_noting(std::uint32_t shard, giving& g, time_point now);
  [[nodiscard]] bool is_calm(std::uint32_t shard, giving& g, time_point now);
  void begin(std::uint32_t shard, giving& g, time_point now, hand_over_output& out);
  void drain(std::uint32_t shard, giving& g, time_point now, hand_over_output& out);
  [[nodiscard]] duration time_for(const giving& g) const;
  void give_up(std::uint32_t shard, giving& g, duration pause, time_point now);
  void tell_leader(std::uint32_t shard, giving& g, time_point now, hand_over_output& out);
  void tell(const shard_word& w, hand_over_output& out) const;
  void on_answer(std::uint64_t from, const copy_message& m, time_point now, hand_over_output& out);

  // hand_over_taker.cpp
  [[nodiscard]] page_outcome take(std::uint64_t from, const read_copy& page, bool serves, time_point now);

  shard_contents& contents_;
  const hand_over_limits limits_;
  const shard_table* table_ = nullptr;
  std::uint64_t my_pid_ = 0;
  std::uint64_t leader_ = 0;
  std::map<std::uint32_t, giving> givings_;
  std::map<std::uint32_t, taking> takings_;
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint64_t> laggards_;  // shard and PID: the row's epoch
  time_point laggards_again_ = time_point::max();
  std::uint64_t next_attempt_ = 1;
  time_point paid_until_{};  // the rate: what was sent is paid for by then
  hand_over_counters counters_;
};

}  // namespace troupe
