// For each shard: the time in which this node serves it, and work beside its store that only the one who serves it may
// do (actors/grains). A tenure has a number of its own and ends when the table or a release says that the shard is not
// served here any more.
//
//   worker: enter() ... leave()      a hand-over: end(), then waits until nobody is busy
//
// So no work begins after a tenure's end, and what had begun is over before the shard is given away. The lease is
// another matter: whoever works asks for it after enter(). Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace troupe {

class shard_tenures {
 public:
  explicit shard_tenures(std::uint32_t shards) : slots_(shards) {}

  /// 0: this node does not serve the shard.
  [[nodiscard]] std::uint64_t now(std::uint32_t shard) const noexcept { return slots_[shard].tenure.load(); }
  void begin(std::uint32_t shard) noexcept { slots_[shard].tenure = ++last_; }
  void end(std::uint32_t shard) noexcept { slots_[shard].tenure = 0; }

  /// False when that tenure is over; otherwise leave() follows, soon.
  [[nodiscard]] bool enter(std::uint32_t shard, std::uint64_t tenure) noexcept {
    auto& s = slots_[shard];
    ++s.working;  // before it looks: who ends the tenure looks in the other order
    if (tenure != 0 && s.tenure.load() == tenure) return true;
    --s.working;
    return false;
  }
  void leave(std::uint32_t shard) noexcept { --slots_[shard].working; }
  [[nodiscard]] bool busy(std::uint32_t shard) const noexcept { return slots_[shard].working.load() != 0; }

 private:
  struct alignas(64) slot {
    std::atomic<std::uint64_t> tenure{0};
    std::atomic<std::uint32_t> working{0};
  };
  std::vector<slot> slots_;
  std::atomic<std::uint64_t> last_{0};
};

/// What is done beside the stores, for a hand-over; from any thread.
class shard_work {
 public:
  virtual ~shard_work() = default;
  /// As shard_contents.
  [[nodiscard]] virtual bool calm(std::uint32_t shard) = 0;
  virtual void stir(std::uint32_t shard) = 0;
};

}  // namespace troupe
