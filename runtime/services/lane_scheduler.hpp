// Which jobs run next: a lane for each namespace, first in first out, with at most one batch of a lane
// running at a time; lanes that wait take turns (round robin). Pure: no thread, no clock.
//
//   state of a lane   job waits   runs   left by
//   idle              no          no     admit, poke
//   waiting           yes         no     next (runs), expire, stop
//   running           any         yes    finished
//   reserved          any         any    reserve(0): until then only jobs of the reservation run, one at a time
//
// Waiting jobs are bounded in number and in bytes; a job larger than the bytes allowed is admitted to an empty
// lane, so that no size is refused for ever. A deadline counts until the job starts, not after.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include <troupe/time.hpp>

#include "runtime/base/check.hpp"

namespace troupe {

struct lane_limits {
  std::size_t queue_max = 10000;                    // jobs waiting in one lane
  std::size_t queue_bytes_max = 128 * 1024 * 1024;  // held by them
  std::size_t owned_max = 10000;                    // jobs of a reservation that wait; their bytes: as above
  std::size_t batch_max = 256;                      // jobs in one batch
  std::size_t batch_bytes_max = 16 * 1024 * 1024;   // held by them
};

using lane_id = std::uint32_t;

/// `over`: the lane is not, or no more, reserved under that number.
enum class owned_admission : std::uint8_t { taken, over, full };

template <class Job>
class lane_scheduler {
 public:
  struct batch {
    lane_id lane = 0;
    bool poked = false;        // poke() was called: the lane itself wants attention
    bool alone = false;        // one job, outside of any batch
    std::vector<Job> jobs;     // may be empty when poked or when all had expired
    std::vector<Job> expired;  // their deadline passed while they waited
  };

  explicit lane_scheduler(lane_limits limits) : limits_(limits) {}

  lane_id add_lane() {
    lanes_.emplace_back();
    return static_cast<lane_id>(lanes_.size() - 1);
  }

  /// False when the lane is full or stop() was called; `job` is then untouched. `alone`: it shares no batch.
  [[nodiscard]] bool admit(lane_id id, Job&& job, std::size_t bytes, time_point deadline, bool alone = false) {
    auto& l = at(id);
    if (stopped_ || l.waiting.size() >= limits_.queue_max) return false;
    if (!l.waiting.empty() && l.bytes + bytes > limits_.queue_bytes_max) return false;
    l.bytes += bytes;
    l.waiting.push_back({std::move(job), bytes, deadline, alone});
    return true;
  }

  /// A job of the reservation; untouched unless it is taken. `ends`: it is the last one, and always has room.
  [[nodiscard]] owned_admission admit_owned(lane_id id, std::uint64_t reservation, Job&& job, std::size_t bytes = 0,
                                            bool ends = false) {
    auto& l = at(id);
    if (stopped_ || reservation == 0 || l.reservation != reservation) return owned_admission::over;
    const bool full =
        l.owned.size() >= limits_.owned_max || (!l.owned.empty() && l.owned_bytes + bytes > limits_.queue_bytes_max);
    if (full && !ends) return owned_admission::full;
    l.owned_bytes += bytes;
    l.owned.push_back({std::move(job), bytes});
    return owned_admission::taken;
  }

  /// While the lane's job runs. 0: the lane is everybody's again; returns the owned jobs that are left over.
  [[nodiscard]] std::vector<Job> reserve(lane_id id, std::uint64_t reservation) {
    auto& l = at(id);
    std::vector<Job> left;
    l.reservation = stopped_ ? 0 : reservation;
    if (l.reservation != 0) return left;
    for (auto& o : l.owned) left.push_back(std::move(o.job));
    l.owned.clear();
    l.owned_bytes = 0;
    return left;
  }
  [[nodiscard]] std::uint64_t reservation(lane_id id) const noexcept { return lanes_[id].reservation; }

  /// Lets the lane come up in next() even when nothing waits.
  void poke(lane_id id) {
    if (!stopped_) at(id).poked = true;
  }

  [[nodiscard]] bool ready() const noexcept {
    for (const auto& l : lanes_)
      if (runnable(l)) return true;
    return false;
  }

  /// The next batch, whose lane is running until finished(); none when no lane is ready.
  [[nodiscard]] std::optional<batch> next(time_point now) {
    for (std::size_t step = 0; step < lanes_.size(); ++step) {
      const auto id = static_cast<lane_id>((turn_ + step) % lanes_.size());
      if (!runnable(lanes_[id])) continue;
      turn_ = id + 1;
      return take(id, now);
    }
    return std::nullopt;
  }

  void finished(lane_id id) {
    TROUPE_CHECK(at(id).running);
    at(id).running = false;
  }

  /// Removes the waiting jobs whose deadline has passed.
  [[nodiscard]] std::vector<Job> expire(time_point now) {
    std::vector<Job> expired;
    for (auto& l : lanes_) {
      const auto first =
          std::stable_partition(l.waiting.begin(), l.waiting.end(), [now](const entry& e) { return e.deadline > now; });
      for (auto e = first; e != l.waiting.end(); ++e) {
        l.bytes -= e->bytes;
        expired.push_back(std::move(e->job));
      }
      l.waiting.erase(first, l.waiting.end());
    }
    return expired;
  }

  /// Nothing is admitted and nothing starts from now on; returns what waited.
  [[nodiscard]] std::vector<Job> stop() {
    stopped_ = true;
    std::vector<Job> refused;
    for (auto& l : lanes_) {
      for (auto& e : l.waiting) refused.push_back(std::move(e.job));
      for (auto& o : l.owned) refused.push_back(std::move(o.job));
      const bool running = l.running;
      l = lane_state{};
      l.running = running;
    }
    return refused;
  }

  [[nodiscard]] std::size_t waiting(lane_id id) const noexcept { return lanes_[id].waiting.size(); }
  [[nodiscard]] bool running(lane_id id) const noexcept { return lanes_[id].running; }
  [[nodiscard]] std::size_t lanes() const noexcept { return lanes_.size(); }

 private:
  struct entry {
    Job job;
    std::size_t bytes;
    time_point deadline;
    bool alone;
  };
  struct owned_entry {
    Job job;
    std::size_t bytes;
  };
  struct lane_state {
    std::deque<entry> waiting;
    std::deque<owned_entry> owned;  // of the reservation
    std::size_t owned_bytes = 0;
    std::uint64_t reservation = 0;  // 0: none
    std::size_t bytes = 0;          // of the waiting jobs
    bool running = false;
    bool poked = false;
  };

  static bool runnable(const lane_state& l) noexcept {
    if (l.running) return false;
    return l.reservation != 0 ? !l.owned.empty() : l.poked || !l.waiting.empty();
  }

  lane_state& at(lane_id id) {
    TROUPE_CHECK(id < lanes_.size());
    return lanes_[id];
  }

  batch take(lane_id id, time_point now) {
    auto& l = lanes_[id];
    batch b;
    b.lane = id;
    l.running = true;
    if (l.reservation != 0) {
      b.alone = true;
      l.owned_bytes -= l.owned.front().bytes;
      b.jobs.push_back(std::move(l.owned.front().job));
      l.owned.pop_front();
      return b;
    }
    b.poked = std::exchange(l.poked, false);
    std::size_t bytes = 0;
    while (!l.waiting.empty() && b.jobs.size() < limits_.batch_max) {
      auto& first = l.waiting.front();
      const bool expired = first.deadline <= now;
      if (!expired && first.alone && !b.jobs.empty()) break;
      if (!expired && !b.jobs.empty() && bytes + first.bytes > limits_.batch_bytes_max) break;
      if (!expired) bytes += first.bytes;
      l.bytes -= first.bytes;
      b.alone = !expired && first.alone;
      (expired ? b.expired : b.jobs).push_back(std::move(first.job));
      l.waiting.pop_front();
      if (b.alone) break;
    }
    return b;
  }

  lane_limits limits_;
  std::vector<lane_state> lanes_;
  std::size_t turn_ = 0;  // the lane to look at first
  bool stopped_ = false;
};

}  // namespace troupe
