// A client that edits values in the simulated cluster's shards: it pushes numbers to the end of one list of a shard,
// and moves them from its head to the end of a second one. So the second list followed by the first is always what was
// pushed, in order: each acknowledged number once, one whose outcome nobody knows at most once, one that was refused
// never. Both are read at one moment, by a transaction: a move is seen whole or not at all.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/cluster_process.hpp"

namespace troupe::sim {

class list_client : public std::enable_shared_from_this<list_client> {
 public:
  explicit list_client(world& w) : w_(w), rng_(w.rng().fork()) {}

  /// One command each `gap` until this object ends; it must be shared.
  void start(duration gap);
  /// No more commands but read_all.
  void rest() noexcept { resting_ = true; }
  /// Both lists of every shard are read where it is served; false when some shard is served nowhere.
  bool read_all();

  [[nodiscard]] std::uint64_t acknowledged() const noexcept { return acknowledged_; }
  [[nodiscard]] std::uint64_t moved() const noexcept { return moved_; }
  [[nodiscard]] std::uint64_t read() const noexcept { return read_; }

 private:
  enum class what : std::uint8_t { push, move, read };
  enum class outcome : std::uint8_t { under_way, done, unknown, refused };
  struct shard_lists {
    std::uint64_t created = 0;
    std::map<std::uint64_t, outcome> pushes;  // by number
    bool pushing = false;
    bool moving = false;
  };
  struct question;

  bool command(std::uint32_t shard, what w);
  void learn(const question& q, const owned_reply& r);
  void learn_read(const question& q, shard_lists& lists, const owned_reply& r);

  world& w_;
  random rng_;
  std::map<std::uint32_t, shard_lists> shards_;
  std::uint64_t next_ = 0;
  bool resting_ = false;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t moved_ = 0;
  std::uint64_t read_ = 0;
};

}  // namespace troupe::sim
