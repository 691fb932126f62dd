// The changes of the shards that this node is the primary of, for the nodes that ask for them: the owner's side of
// change_feed.hpp.
//
// A session belongs to a node that polls. Its first poll attaches it to every shard that this node has then (each under
// the shard's lock, so that nothing falls between), and it hears of those that come and go. A change is kept until its
// write is committed, and goes then to every session that it is of interest to. What cannot be kept for a session ends
// it: the reader begins another, and knows that it may have missed something.
//
// Pure: called from one thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include <troupe/time.hpp>

#include "runtime/cache/change_listener.hpp"
#include "runtime/cache/change_message.hpp"

namespace troupe {

class change_source {
 public:
  struct limits {
    std::size_t sessions_max = 64;
    std::size_t session_bytes_max = 16 << 20;  // that wait for one reader
    std::size_t bytes_max = 64 << 20;          // of all, with what is not committed yet
    std::size_t answer_bytes_max = 1 << 20;    // about
  };
  /// A poll that nothing can be told to is answered then.
  static constexpr duration hold_max = std::chrono::milliseconds(200);
  /// Without a poll; longer than the reader's poll_max.
  static constexpr duration silence_max = std::chrono::seconds(5);

  explicit change_source(std::uint32_t shards, const limits& l) : limits_(l), waiting_(shards) {}
  explicit change_source(std::uint32_t shards) : change_source(shards, limits()) {}

  enum class outcome : std::uint8_t {
    taken,   // answered by take(), when due() says so
    fresh,   // the same, after attach() for each shard
    refused  // the session is not known, has ended, or there are too many
  };
  [[nodiscard]] outcome on_poll(const change_poll& p, time_point now);
  /// This node is the shard's primary under the row of `epoch`; writes up to `version` were made before.
  void attach(std::uint64_t reader, std::uint32_t shard, std::uint64_t epoch, std::uint64_t version);

  /// Tells the session, behind everything that was told until now, when the shard's stream has committed `sequence`
  /// (0: now).
  void mark(std::uint64_t reader, cache_id cache, std::uint32_t shard, std::uint64_t token, std::uint64_t sequence);
  /// Some session wants to know of the cache's keys.
  [[nodiscard]] bool wants(cache_id cache) const noexcept;
  /// See change_listener.
  void on_change(std::uint32_t shard, const key_change& c, std::uint64_t sequence);
  void on_committed(std::uint32_t shard, std::uint64_t sequence);
  void on_begin(std::uint32_t shard, std::uint64_t epoch, std::uint64_t version);
  void on_end(std::uint32_t shard, std::uint64_t version);

  /// Sessions whose poll is to be answered now.
  [[nodiscard]] std::vector<std::uint64_t> due(time_point now) const;
  /// Some poll can be answered before its time.
  [[nodiscard]] bool ready() const noexcept { return ready_ > 0; }
  /// The next answer; number 0 when the session has ended meanwhile.
  [[nodiscard]] change_answer take(std::uint64_t reader, time_point now);
  /// Forgets sessions that poll no more.
  void on_tick(time_point now);

  [[nodiscard]] bool any() const noexcept { return !sessions_.empty(); }
  [[nodiscard]] bool knows(std::uint64_t reader) const noexcept { return sessions_.contains(reader); }
  [[nodiscard]] std::size_t sessions() const noexcept { return sessions_.size(); }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  struct numbers {
    std::uint64_t told = 0;    // changes, to each session
    std::uint64_t broken = 0;  // sessions that ended because too much waited for them
  };
  [[nodiscard]] const numbers& count() const noexcept { return numbers_; }

 private:
  using item_ptr = std::shared_ptr<const change_item>;
  struct queued {
    item_ptr item;
    bool with_value = false;
  };
  struct session {
    std::uint64_t answered = 0;
    std::uint64_t revision = 0;
    std::vector<change_interest> interests;
    std::vector<bool> attached;  // by shard
    std::deque<queued> queue;
    std::size_t bytes = 0;
    time_point polled;
    bool holding = false;  // a poll waits for its answer
  };
  struct uncommitted {
    std::uint64_t sequence = 0;
    item_ptr item;
    std::uint64_t only = 0;  // the session that it is for; 0: all that want it
  };
  using session_map = std::map<std::uint64_t, session>;

  [[nodiscard]] static const change_interest* interest_of(const session& s, cache_id cache) noexcept;
  void tell(std::uint32_t shard, const item_ptr& item);
  void keep(std::uint32_t shard, uncommitted u);
  void give(std::uint32_t shard, const uncommitted& u);
  void push(session_map::iterator at, queued q);
  void push_mark(session_map::iterator at, change_item mark);
  void discard(std::uint32_t shard);
  void end(session_map::iterator at, bool broken);
  void end_overfull();

  const limits limits_;
  session_map sessions_;
  std::vector<std::deque<uncommitted>> waiting_;  // by shard
  std::size_t bytes_ = 0;
  std::size_t ready_ = 0;  // sessions with a poll and something for it
  numbers numbers_;
};

}  // namespace troupe
