// Readers at every node of a simulated cluster whose cache is kept everywhere, and one who writes numbers that rise
// through the primaries. What a node's copy answers
//
//   was never overtaken by a write that was acknowledged more than local_copy::trust before,
//   was written, and does not go back at that node while its process lives,
//   and in the end every copy is what the primaries have.
//
// A shard that is made anew (its last copy in sync died) is not judged for a moment, and what was acknowledged in it is
// void.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/cluster_process.hpp"

namespace troupe::sim {

class reading_client : public std::enable_shared_from_this<reading_client> {
 public:
  static constexpr std::uint32_t keys_each = 3;  // of a shard; the last is erased now and then

  explicit reading_client(world& w) : w_(w), rng_(w.rng().fork()) {}

  /// A write and some reads each `gap` until rest(). It must be shared.
  void start(duration gap);
  void rest() noexcept { resting_ = true; }

  /// Every running node's copies are whole and hold what the primaries hold; says of the first that is not.
  [[nodiscard]] bool converged(std::string* why = nullptr);
  [[nodiscard]] std::uint64_t answered() const noexcept { return answered_; }
  [[nodiscard]] std::uint64_t asked() const noexcept { return asked_; }
  [[nodiscard]] std::uint64_t acknowledged() const noexcept { return acknowledged_; }

 private:
  using key = std::pair<std::uint32_t, std::uint32_t>;  // shard, number
  struct written {
    duration began{};  // of the world's time
    duration acknowledged = duration::max();
  };
  struct seen {
    incarnation_id process;
    std::uint64_t number = 0;
  };

  void act();
  void write(key k, bool erase);
  void read(node_index n, key k);
  [[nodiscard]] std::uint64_t created_of(std::uint32_t shard) const;
  [[nodiscard]] bool is_judged(std::uint32_t shard);
  [[nodiscard]] static std::string name_of(key k);

  world& w_;
  random rng_;
  std::map<key, std::vector<written>> writes_;  // number 1 is the first
  std::map<std::pair<node_index, key>, seen> seen_;
  struct life {
    std::uint64_t created = 0;
    duration judged_from = duration::min();
  };
  std::map<std::uint32_t, life> lives_;  // of shards
  bool resting_ = false;
  std::uint64_t answered_ = 0;
  std::uint64_t asked_ = 0;
  std::uint64_t acknowledged_ = 0;
};

}  // namespace troupe::sim
