// The changes of all shards of the cluster, at a node whose applications and clients subscribed to some: the reader's
// side of change_source.hpp.
//
// There is a session with each member that may own shards, copies included, so that it is there already when a shard
// moves. A shard is told by one of them at a time, its source:
//
//   nobody   -> A        A began it
//   A        -> nobody   A ended it, or A's session is lost
//   A        -> A        B began it as well: what B tells waits until A is through, or lost
//
// Where a source begins with what the one before it ended with, nothing was missed. Everywhere else a gap is told.
// Changes of a shard come from one source at a time and each of them tells a key's changes in their order, so that
// order holds; none is told twice.
//
// Pure: called from one thread at a time; it says what to send.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <troupe/time.hpp>

#include "runtime/cache/change_backlog.hpp"
#include "runtime/cache/change_message.hpp"

namespace troupe {

class change_feed {
 public:
  /// A poll that is not answered by then has failed; longer than change_source::hold_max.
  static constexpr duration poll_max = std::chrono::milliseconds(1500);
  /// Until a lost session is begun anew.
  static constexpr duration retry = std::chrono::milliseconds(100);
  /// What may wait for sources to end, of all shards.
  static constexpr std::size_t held_bytes_max = 16 << 20;

  /// `seed` makes sessions differ between processes.
  change_feed(std::uint32_t shards, std::uint64_t seed);

  struct filter {
    cache_id cache = 0;
    std::string prefix;
    std::uint64_t value_bytes_max = 0;
    /// Hears of each shard as soon as that is told: a gap with its number then, and whenever something may be missing
    /// in it; and of marks. Otherwise it waits for all of them to open, and a gap is one of any shard.
    bool by_shard = false;
  };
  /// `id` is the caller's, and new.
  void add(std::uint64_t id, filter f);
  void remove(std::uint64_t id);
  [[nodiscard]] std::size_t subscribers() const noexcept { return subscribers_.size(); }

  /// Members that own shards by this node's table, or may soon.
  void on_owners(const std::vector<std::uint64_t>& pids);

  struct outgoing {
    std::uint64_t owner = 0;
    change_poll poll;
  };
  /// Polls that are to be sent now.
  [[nodiscard]] std::vector<outgoing> on_tick(time_point now);
  /// `of`: the session. None: the poll failed, or its answer cannot be read.
  void on_answer(std::uint64_t owner, std::uint64_t of, std::optional<change_answer> answer, time_point now);

  struct delivery {
    std::uint64_t subscriber = 0;
    cache_change change{};
    // For those who hear by shard:
    cache_id cache = 0;
    duration ttl{};          // of a put
    std::uint64_t mark = 0;  // a mark of the change's shard; 0: none
  };
  [[nodiscard]] std::vector<delivery> take_deliveries();

  /// Who tells the shard, and by which session.
  struct source {
    std::uint64_t owner = 0;
    std::uint64_t number = 0;
  };
  [[nodiscard]] std::optional<source> source_of(std::uint32_t shard) const;
  /// When the latest poll of the shard's source was sent whose answer had all there was; min(): none.
  [[nodiscard]] time_point confirmed(std::uint32_t shard) const;

  struct numbers {
    std::uint64_t told = 0;  // changes, to each subscriber
    std::uint64_t gaps = 0;  // to each subscriber
    std::uint64_t lost = 0;  // sessions
  };
  [[nodiscard]] const numbers& count() const noexcept { return numbers_; }

 private:
  struct subscriber {
    filter wants;
    std::uint64_t revision = 0;  // from which on sources know of it
    bool open = false;
    std::vector<bool> heard{};  // by shard, of who hears so: it is told
  };
  struct session {
    std::uint64_t number = 0;
    std::uint64_t next = 1;      // the answer that is awaited
    std::uint64_t in_force = 0;  // the revision that its changes are told by
    time_point sent = time_point::min();
    time_point again = time_point::min();
    time_point confirmed = time_point::min();
    bool polling = false;
    bool leaving = false;  // no owner any more, by the table: it ends with its last shard
  };
  struct shard_state {
    std::uint64_t source = 0;      // 0: nobody tells it
    std::uint64_t epoch = 0;       // that the latest began with: what began before it is of the past
    std::uint64_t ended_with = 0;  // the version that the last one ended with; 0: not known
    std::uint64_t claimant = 0;    // who began it meanwhile, and with what epoch
    std::uint64_t claimed = 0;
    std::vector<change_item> held;
    std::size_t held_bytes = 0;
  };

  void take(std::uint64_t owner, session& s, change_item item);
  void take_of_source(std::uint32_t shard, change_item item);
  void begin(std::uint64_t owner, const change_item& item);
  void hold(std::uint32_t shard, std::uint64_t owner, change_item item);
  void release(std::uint32_t shard);
  void drop_held(shard_state& s);
  void revise(session& s, std::uint64_t owner, std::uint64_t revision);
  void lose(std::uint64_t owner);
  void lose_sources(std::uint64_t owner);
  void tell(const change_item& item);
  void hear_shard(std::uint32_t shard, bool gap);
  void hear_shards(std::uint64_t owner);
  void finish();
  void revise_interests();
  [[nodiscard]] bool is_source(std::uint64_t owner) const noexcept;

  std::vector<shard_state> shards_;
  std::map<std::uint64_t, session> sessions_;  // by owner
  std::map<std::uint64_t, subscriber> subscribers_;
  std::vector<change_interest> interests_;
  std::uint64_t revision_ = 0;
  std::uint64_t next_session_;
  std::size_t held_bytes_ = 0;
  bool gap_ = false;  // in the answer at hand
  std::vector<delivery> deliveries_;
  numbers numbers_;
};

}  // namespace troupe
