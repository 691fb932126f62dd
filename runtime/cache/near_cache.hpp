// Values of other nodes that were read here lately, at the node that read them: the reader's side. The owner's side is
// near_interest.hpp.
//
// For each owner there is a session. The reader polls it; each answer brings the keys that changed at the owner since
// the answer before, of those that it gave to this session. What an owner gave is served here
//
//   while the shard is its, by this node's table,
//   while a poll that was sent at most `trust` ago has been answered without a gap,
//   until the value's own end.
//
// So a value that is served was the owner's at some moment of the last `trust`, also when links are cut and owners
// change unheard. A read that was under way while its key was told of, or written through this node, is not kept. A
// write through this node drops the key before it leaves and when it is answered.
//
// Pure: called from one thread at a time; it says what to send, and when.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <troupe/time.hpp>

#include "runtime/cache/command.hpp"
#include "runtime/cache/near_message.hpp"

namespace troupe {

class near_cache {
 public:
  /// How old a served value may be, seen from the owner.
  static constexpr duration trust = std::chrono::seconds(1);
  static constexpr duration poll_interval = std::chrono::milliseconds(100);
  /// A poll that is not answered by then has failed.
  static constexpr duration poll_max = std::chrono::milliseconds(800);
  /// An owner of whom nothing is kept and nothing was asked for so long is polled no more.
  static constexpr duration idle_max = std::chrono::seconds(10);
  /// What an entry takes beside its key and value, about.
  static constexpr std::uint64_t entry_overhead = 200;
  static constexpr std::size_t reads_max = 10'000;  // under way; beyond it values are not kept

  /// Bytes for the values of each cache, by id; 0: none are kept. `seed` makes sessions differ between processes.
  near_cache(std::vector<std::uint64_t> bytes_max, std::uint64_t seed);

  [[nodiscard]] bool keeps(cache_id cache) const noexcept { return cache < bytes_max_.size() && bytes_max_[cache] > 0; }

  struct shown {
    std::string_view value;  // borrowed, until the next call
    std::uint64_t version = 0;
    duration ttl{};  // what is left; 0: never expires
  };
  /// `owner`: of the key's shard by this node's table.
  [[nodiscard]] std::optional<shown> find(cache_id cache, std::string_view key, std::uint64_t owner, time_point now);

  /// A get leaves for its owner. `read` is to be given to end_read, `session` goes with the command; 0: it is not kept.
  struct read_begun {
    std::uint64_t read = 0;
    std::uint64_t session = 0;
  };
  [[nodiscard]] read_begun begin_read(cache_id cache, std::string_view key, std::uint64_t owner, time_point now);
  /// It is answered: with a value, the owner tells of its changes from that moment on (`told`), or otherwise.
  struct fetched {
    std::string_view value;
    std::uint64_t version = 0;
    duration ttl{};
    bool told = false;
  };
  void end_read(std::uint64_t read, const std::optional<fetched>& value, time_point now);

  /// Whatever else is done with the key through this node: before it leaves, and when it is answered.
  void on_command(cache_id cache, std::string_view key);
  /// The same for all keys of the cache.
  void on_command(cache_id cache);

  /// Shards have other owners by this node's table: nothing is served of what was kept before.
  void on_owners_changed();

  struct poll {
    std::uint64_t owner = 0;
    std::uint64_t session = 0;
  };
  /// Polls that are to be sent now.
  [[nodiscard]] std::vector<poll> on_tick(time_point now);
  /// on_tick has something to do sooner or later.
  [[nodiscard]] bool restless() const noexcept { return !sessions_.empty(); }
  /// None: the poll failed, or cannot be read.
  void on_answer(const poll& of, const std::optional<near_answer>& answer, time_point now);

  struct numbers {
    std::uint64_t hits = 0;
    std::uint64_t kept = 0;    // values
    std::uint64_t told = 0;    // dropped because their owner told of them
    std::uint64_t resets = 0;  // sessions that ended with a gap
  };
  [[nodiscard]] const numbers& count() const noexcept { return numbers_; }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] std::uint64_t bytes(cache_id cache) const noexcept { return cache < bytes_.size() ? bytes_[cache] : 0; }

 private:
  struct name {
    cache_id cache = 0;
    std::string key;
    auto operator<=>(const name&) const = default;
  };
  struct entry {
    std::uint64_t owner = 0;
    std::string value;
    std::uint64_t version = 0;
    time_point end = time_point::max();
    std::list<name>::iterator use;
  };
  struct read_row {
    name who;
    std::uint64_t owner = 0;
    std::uint64_t session = 0;
    time_point began;
    bool overtaken = false;
  };
  struct session {
    std::uint64_t number = 0;
    std::uint64_t next = 1;  // the answer that is awaited
    time_point trusted_until = time_point::min();
    time_point used;
    time_point sent = time_point::min();
    bool polling = false;
    bool open = false;  // the owner has answered
    std::size_t kept = 0;
  };
  using entries = std::map<name, entry>;

  void drop(entries::iterator at);
  void drop_owner(std::uint64_t owner);
  void overtake(const name& who);
  void reset(std::uint64_t owner, time_point now);

  const std::vector<std::uint64_t> bytes_max_;
  std::vector<std::uint64_t> bytes_;   // by cache
  std::vector<std::list<name>> uses_;  // by cache, the least recently used first
  entries entries_;
  std::map<std::uint64_t, session> sessions_;  // by owner
  std::map<std::uint64_t, read_row> reads_;
  std::multimap<name, std::uint64_t> reads_of_;
  std::uint64_t next_read_ = 1;
  std::uint64_t next_session_;
  numbers numbers_;
};

}  // namespace troupe
