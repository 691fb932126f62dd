// The leader's choice for a shard whose primary and copies in sync are all gone: which member, started again, has it on
// its disk.
//
// Every write that was acknowledged was in the log of the primary and of each copy in sync, by the row last committed,
// before its client heard of it. So each member of that set has all of them, as far as its disk kept what was written;
// nobody else is asked. What disks lost (a power failure without fsync = always) is the end of a common sequence, so
// the one that goes furthest has most. It is chosen when all of the set have shown what they hold, or when
// cache.restore_wait is over. A shard nobody holds begins empty.
//
// Pure. It does NOT know who lives: the caller passes who may be chosen.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include <troupe/time.hpp>

#include "runtime/base/function_ref.hpp"
#include "runtime/durability/holdings.hpp"

namespace troupe {

class restoration {
 public:
  explicit restoration(duration wait) noexcept : wait_(wait) {}

  /// What the member with this PID found on its disk; true when it is news.
  bool on_holdings(std::uint64_t pid, holdings h);
  /// Another leads: what was said counts no more.
  void forget();

  struct verdict {
    std::uint64_t primary = 0;  // 0: nobody holds it
    bool waits = false;         // for members that may hold it, until
    time_point until = time_point::max();
  };
  /// Of a shard that nobody alive has. `lives`: may this PID be chosen?
  [[nodiscard]] verdict judge(std::uint32_t shard, const shard_row& row, function_ref<bool(std::uint64_t)> lives,
                              time_point now);
  /// The shard is not lost any more.
  void settled(std::uint32_t shard) { lost_since_.erase(shard); }

 private:
  const duration wait_;
  std::map<std::uint64_t, holdings> told_;  // by the PID of who told
  std::map<std::uint32_t, time_point> lost_since_;
};

}  // namespace troupe
