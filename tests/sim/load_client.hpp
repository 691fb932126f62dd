// Clients of a cache with a loader in the simulated cluster, and the database behind it. A number for each key goes up
// in the database; then the key is erased, written with the new number, or its whole cache dropped, as an application
// does after a change. Whoever asks for the key after that was acknowledged gets that number or a later one: no old
// value was left, brought back by a load that began before, or by a copy that took the shard over.
//
// Key 0 of a shard is loaded. Key 1 is not: it is written and dropped only, and may be missing.
//
// A load runs at one place at a time: while one that nothing overtook is under way at a node that serves the key, no
// other begins anywhere.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/cluster_process.hpp"

namespace troupe::sim {

class load_client : public std::enable_shared_from_this<load_client> {
 public:
  explicit load_client(world& w) : w_(w), rng_(w.rng().fork()) {}

  /// A command each `gap` until rest(), and a drop of the whole cache each `drops`. It must be shared.
  void start(duration gap, duration drops);
  void rest() noexcept { resting_ = true; }
  /// Reads every key; what comes is judged as ever. False when some shard is served nowhere.
  bool read_all();

  struct numbers {
    std::uint64_t loads = 0;
    std::uint64_t shared = 0;   // gets that waited for a load that another one had begun
    std::uint64_t values = 0;   // gets that were answered with one
    std::uint64_t changes = 0;  // that were acknowledged: erased, written
    std::uint64_t drops = 0;    // of shards
  };
  [[nodiscard]] const numbers& count() const noexcept { return numbers_; }
  /// Gets that have no answer yet.
  [[nodiscard]] std::uint64_t unanswered() const noexcept { return asked_; }

 private:
  using key = std::pair<std::uint32_t, std::uint32_t>;  // shard, number
  struct truth {
    std::uint64_t now = 0;    // in the database
    std::uint64_t least = 0;  // what a get that begins now may be answered with
  };
  struct flight {
    node_index node = 0;
    incarnation_id process;
    std::uint64_t load = 0;
  };

  void act();
  void act_again(duration gap);
  void drop_again(duration drops);
  bool get(key k);
  void erase(key k);
  void put(key k);
  void drop(std::uint32_t shard);
  void acknowledge(key k, std::uint64_t number, const owned_reply& r);
  void begin_load(key k, node_index n, cluster_process& p, std::uint64_t load);
  void end_load(key k, const flight& f, std::uint64_t number);
  [[nodiscard]] bool is_current(const flight& f, std::uint32_t shard);
  [[nodiscard]] static std::string name_of(key k);

  world& w_;
  random rng_;
  std::map<key, truth> truths_;
  std::map<key, std::vector<flight>> flights_;
  std::uint64_t asked_ = 0;
  bool resting_ = false;
  numbers numbers_;
};

}  // namespace troupe::sim
