// A client of the simulated cluster's shards: writes and reads a few keys of each, at whichever node
// serves the shard, as if doors and links forwarded it in no time. It knows what every key must be: a
// value that was acknowledged is read until its shard is made anew (its last copy died), whoever serves it. A key has
// one writer and one reader, so its history is linearizable if each read finds a value that was possible while it was
// under way; what it found is what the key is from then on, unless a write ended meanwhile.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "tests/sim/cluster_process.hpp"

namespace troupe::sim {

class shard_client : public std::enable_shared_from_this<shard_client> {
 public:
  static constexpr std::uint32_t keys_each = 2;  // of a shard

  explicit shard_client(world& w) : w_(w), rng_(w.rng().fork()) {}

  /// One command each `gap` until this object ends; it must be shared.
  void start(duration gap);
  /// No more commands but read_all.
  void rest() noexcept { resting_ = true; }
  /// Every key is read where it is served, those aside that a command is under way for; false when some shard is
  /// served nowhere.
  bool read_all();

  [[nodiscard]] std::uint64_t acknowledged() const noexcept { return acknowledged_; }
  /// Writes whose outcome nobody knows.
  [[nodiscard]] std::uint64_t unknown() const noexcept { return unknown_; }
  /// Commands that found nobody who serves their shard.
  [[nodiscard]] std::uint64_t unserved() const noexcept { return unserved_; }
  /// Shards that were made anew when values had been acknowledged in them.
  [[nodiscard]] std::uint64_t shards_lost() const noexcept { return shards_lost_; }

 private:
  /// What a key may be. Of a write whose outcome nobody knows both: it may have been done.
  struct knowledge {
    std::set<std::string> possible{{}};  // empty: it has no value
    bool writing = false;                // one write is under way at most, and one read
    std::string pending;                 // what it writes
    bool reading = false;
    std::set<std::string> readable;  // what the read under way may find
    bool overtaken = false;          // a write ended during it
  };
  struct expectation {
    std::uint64_t created = 0;
    std::map<std::uint32_t, knowledge> keys;  // by number
    bool acknowledged = false;                // some write
  };
  struct question;

  void act();
  bool command(std::uint32_t shard, std::uint32_t key, int what);
  void learn(const question& q, const owned_reply& r);
  void learn_read(const question& q, knowledge& k, const std::string& found);
  void learn_write(const question& q, knowledge& k, const owned_reply& r);
  void fail(const question& q, const std::set<std::string>& wanted, const std::string& found);

  world& w_;
  random rng_;
  std::map<std::uint32_t, expectation> expected_;
  std::uint64_t next_value_ = 0;
  bool resting_ = false;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t unknown_ = 0;
  std::uint64_t unserved_ = 0;
  std::uint64_t shards_lost_ = 0;
};

}  // namespace troupe::sim
