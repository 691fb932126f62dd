// Replication of one shard: the order of its writes, who has them, and who waits for that (primary and backups with
// their configuration agreed elsewhere, as in PacificA, Lin et al. 2008).
//
//   primary   applies a write, numbers it, sends it to every copy that counts, and lets its client hear of it when
//             all of them have it: committed. A read of a key with uncommitted writes waits for them.
//   copy      applies what comes from the primary of its row, in order and without gaps, and keeps the keys of
//             what it does not know to be committed.
//   promoted  asks the other copies in sync what they have beyond it, takes the longest, brings all to the same
//             point, and serves then.
//
// Each row of another epoch begins the sending anew: ask, answer, from there on. So a message of another
// configuration means nothing. Sequences go on over epochs, and begin at 0 with a shard made anew.
// A copy that joins gets the contents by a hand-over (hand_over.hpp); from begin_join() on writes wait for it too.
//
// Pure: whoever owns the shard calls it from one thread at a time, with the shard's store. Replies that may be given
// are taken by take_ready(), and given without the shard's lock. It does NOT decide who is in sync: it names who falls
// behind, and the leader changes the row.
#pragma once

#include <algorithm>
#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/function_ref.hpp"
#include "runtime/cache/command.hpp"
#include "runtime/cache/shard_store.hpp"
#include "runtime/replication/apply_write.hpp"
#include "runtime/replication/replica_channel.hpp"
#include "runtime/replication/stream_message.hpp"
#include "runtime/replication/write_tail.hpp"
#include "runtime/sharding/shard_table.hpp"

namespace troupe {

struct stream_limits {
  std::size_t writes_max = 8192;                       // uncommitted, of one shard
  std::uint64_t bytes_max = std::uint64_t{64} << 20;   // of their keys and values
  duration again = std::chrono::milliseconds(20);      // after a copy said not yet, or its link broke
  duration patience = std::chrono::milliseconds(400);  // without progress: the copy falls behind
  int patience_ticks = 5;                              // and so many calls of on_tick
};

/// A reply that may be given now.
struct ready_reply {
  owned_reply reply;
  reply_callback done;
};

class shard_stream {
 public:
  explicit shard_stream(const stream_limits& limits = stream_limits()) : limits_(limits) {}

  // --- the row, each time it changes
  /// This node serves the shard from now on. `promoted`: it held a copy in sync until now.
  void lead(std::uint32_t shard, const shard_row& row, bool promoted);
  /// It holds a copy, whole if the row says in sync.
  void follow(std::uint32_t shard, const shard_row& row, std::uint64_t my_pid);
  /// It has no part in the shard; whoever waits is told.
  void rest();
  /// The shard is made anew: nothing was ever written.
  void reset();

  // --- primary
  /// Writes are to be sent to somebody.
  [[nodiscard]] bool has_followers() const noexcept { return !followers_.empty(); }
  /// Not to be served: what the other copies have is not known yet.
  [[nodiscard]] bool recovering() const noexcept { return recovering_; }
  [[nodiscard]] bool has_room(std::uint64_t bytes) const noexcept {
    return tail_.size() < limits_.writes_max && tail_bytes_ + bytes <= limits_.bytes_max;
  }
  /// A write was applied to the store: numbers its entries and sends them together.
  void wrote(std::span<const stream_entry> write, time_point now, replica_channel& channel);
  /// The write of this number has to be in this node's own log before it is committed: on_logged() says when it is.
  void await_log(std::uint64_t sequence) noexcept { to_log_ = std::max(to_log_, sequence); }
  /// The log has everything that it is to have, up to `sequence`.
  void on_logged(std::uint64_t sequence) {
    if (std::min(sequence, to_log_) <= logged_) return;
    logged_ = std::min(sequence, to_log_);
    settle();
  }
  /// What was found on disk: the shard goes on from there.
  void restore(std::uint64_t sequence) noexcept { sequence_ = committed_ = logged_ = to_log_ = sequence; }
  /// The sequence that must be committed before a reply about the key may be given; 0: none.
  [[nodiscard]] std::uint64_t pending(cache_id cache, std::string_view key) const noexcept;
  /// Gives the reply when `sequence` is committed; outcome_unknown for a write whose shard this node loses, and
  /// not_owner for a read.
  void hold(std::uint64_t sequence, owned_reply reply, bool is_write, time_point deadline, reply_callback done);
  [[nodiscard]] std::uint64_t sequence() const noexcept { return sequence_; }
  [[nodiscard]] std::uint64_t committed() const noexcept { return committed_; }

  void on_answer(std::uint64_t from, const stream_answer& a, std::span<const stream_entry> entries, shard_store& store,
                 time_point now, replica_channel& channel);
  /// Nothing more is known of what was sent to this member.
  void on_broken(std::uint64_t pid, time_point now);
  /// Asks and sends again what is due, and gives up replies whose deadline passed.
  void on_tick(const shard_store& store, time_point now, replica_channel& channel);
  /// on_tick has something to do sooner or later.
  [[nodiscard]] bool restless() const noexcept {
    return !held_.empty() || !ready_.empty() || (part_ == part::primary && (!tail_.empty() || unsettled()));
  }
  /// Copies in the row's in-sync set, or told to the leader, that hold up the rest: for patience, and for some ticks of
  /// this process, whose own stall is no proof against others.
  void laggards(time_point now, function_ref<void(std::uint64_t pid)> show) const;
  [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_; }
  /// Tells whoever waits that it will not be known: outcome_unknown for a write, not_owner for a read.
  void give_up_held(const char* why = "the shard moved while its copies were awaited");

  // --- primary: a copy that joins
  /// The copy has the contents up to sequence() with the last page: later writes wait for it.
  void begin_join(std::uint64_t pid);
  /// It has taken the last page, and the leader is told: only a row ends it now.
  void confirm_join(std::uint64_t pid);
  /// False when the leader was told.
  bool abandon_join(std::uint64_t pid);

  // --- copy
  /// The contents are dropped: a copy begins. / It is whole, up to `sequence`.
  void begin_copy();
  /// The copy has all that the primary had at some moment.
  [[nodiscard]] bool is_whole_copy() const noexcept { return part_ == part::copy && whole_; }
  void finish_copy(std::uint64_t sequence);
  [[nodiscard]] stream_answer on_append(std::uint64_t from, const stream_position& at,
                                        std::span<const stream_entry> entries, shard_store& store, time_point now);
  /// An object's value is valid inside the sink only.
  using entry_sink = function_ref<void(const stream_entry&)>;
  [[nodiscard]] stream_answer on_ask(std::uint64_t from, const stream_position& at, const shard_store& store,
                                     time_point now, entry_sink beyond);

  /// Replies whose time has come, in order.
  [[nodiscard]] std::vector<ready_reply> take_ready();
  [[nodiscard]] bool has_ready() const noexcept { return !ready_.empty(); }

 private:
  enum class part : std::uint8_t { none, primary, copy };
  enum class sending : std::uint8_t {
    copying,    // its last page is on the way
    asking,     // until it answers
    streaming,  // in order, from `sent` on
  };
  struct follower {
    std::uint64_t pid = 0;
    sending state = sending::asking;
    bool counted = true;    // in the row's in-sync set, or told to the leader
    bool answered = false;  // under this epoch
    std::uint64_t acked = 0;
    std::uint64_t sent = 0;
    time_point ask_at = time_point::min();      // while asking
    time_point owes_since = time_point::max();  // something; since it last made progress
    int ticks_owed = 0;                         // on_tick calls since then
  };
  /// An edit cannot be read from the store again.
  struct tail_edit {
    value_edit edit = value_edit::none;
    std::uint64_t base = 0;
    std::uint64_t version = 0;
    time_point expiry = time_point::max();
    std::string words;
  };
  struct tail_entry {
    cache_id cache = 0;
    bool more = false;
    std::uint32_t value_size = 0;
    std::string key;
    std::unique_ptr<tail_edit> edit;  // null: the value is in the store, or it was erased
  };
  struct held {
    std::uint64_t sequence = 0;
    owned_reply reply;
    bool is_write = false;
    time_point deadline;
    reply_callback done;
  };

  [[nodiscard]] follower* find(std::uint64_t pid) noexcept;
  [[nodiscard]] bool unsettled() const noexcept;
  void note(const stream_entry& e, time_point now);
  [[nodiscard]] stream_outcome take(std::span<const stream_entry> entries, shard_store& store, time_point now);
  void trim(std::uint64_t committed);
  void pump(follower& f, const shard_store& store, time_point now, replica_channel& channel);
  void take_longest(std::uint64_t asked_after, std::uint64_t last, std::span<const stream_entry> entries,
                    shard_store& store, time_point now);
  void settle();
  static void ask_again(follower& f, duration pause, time_point now) noexcept;
  [[nodiscard]] static stream_entry entry_of(const tail_entry& t, const shard_store& store, time_point now,
                                             std::string& serialised);
  [[nodiscard]] std::size_t write_at(std::size_t place, const shard_store& store, time_point now);
  [[nodiscard]] stream_outcome judge(std::uint64_t from, std::uint64_t epoch) const noexcept;
  [[nodiscard]] stream_position position(std::uint64_t after) const noexcept {
    return {shard_, epoch_, after, committed_};
  }

  stream_limits limits_;
  part part_ = part::none;
  std::uint32_t shard_ = 0;
  std::uint64_t epoch_ = 0;
  std::uint64_t primary_ = 0;  // of the row, while this node holds a copy
  bool whole_ = false;         // the copy
  bool recovering_ = false;
  std::uint64_t sequence_ = 0;   // of the latest write applied here
  std::uint64_t committed_ = 0;  // as known here
  std::uint64_t to_log_ = 0;     // the latest write that this node's log is to have
  std::uint64_t logged_ = 0;     // the latest that it has
  // Neither takes memory while it is empty: a node has thousands of streams, and few at work.
  write_tail<tail_entry> tail_;  // writes committed_ + 1 .. sequence_
  std::uint64_t tail_bytes_ = 0;
  std::vector<follower> followers_;
  std::list<held> held_;  // by sequence
  std::vector<ready_reply> ready_;
  // One write that is sent again, while that is done.
  std::vector<stream_entry> again_;
  std::list<std::string> again_bytes_;
};

}  // namespace troupe
