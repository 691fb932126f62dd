// The threads that may block on a database: jobs come in from any thread, wait in the lane of their
// namespace and run in batches, one transaction each; what a job answers is called back on the worker.
//
// No CAF here, and no mailbox on the way in: submit() is a lock and, when a worker sleeps, a wake. The
// database_actor owns the time (tick) and the life (start, stop). Thread-safe but for open/start/stop,
// which belong to one thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <troupe/config.hpp>

#include "actors/db/database_health.hpp"
#include "runtime/services/batch.hpp"
#include "runtime/services/lane_scheduler.hpp"

namespace troupe {

class database_pool {
 public:
  using clock = std::function<batch_times()>;

  struct settings {
    std::uint32_t threads = 2;
    lane_limits lanes;
  };

  static constexpr duration probe_interval = std::chrono::seconds(1);  // of a namespace that failed

  database_pool(std::shared_ptr<database_driver> driver, settings s, clock now = read_clocks);
  ~database_pool();

  database_pool(const database_pool&) = delete;
  database_pool& operator=(const database_pool&) = delete;

  [[nodiscard]] static settings settings_of(const db_config& c);
  [[nodiscard]] static batch_times read_clocks();

  /// Opens and migrates a namespace; blocks. bad_config, corrupt and invalid_argument refuse it. A storage that is
  /// full or away does not: the lane stands, its jobs fail, health says so, and it is tried again every second.
  [[nodiscard]] expected<lane_id> open(const std::string& name_space, std::vector<migration> migrations);

  void start();

  /// Refuses what waits and what comes (unavailable), lets the running batches end, joins the threads and closes
  /// the sessions. Blocks as long as the longest batch. Not from a callback. Idempotent.
  void stop();

  /// `job->done` may be called before this returns: unavailable when the lane is full or stop() was called.
  void submit(lane_id lane, std::shared_ptr<database_job> job);

  /// Answers waiting jobs whose deadline has passed (on this thread) and lets failed namespaces be probed.
  void tick();

  [[nodiscard]] database_health& health() noexcept { return health_; }
  [[nodiscard]] const database_health& health() const noexcept { return health_; }

  struct counters {
    std::atomic<std::uint64_t> jobs{0};  // run
    std::atomic<std::uint64_t> refused{0};
    std::atomic<std::uint64_t> expired{0};
    std::atomic<std::uint64_t> batches{0};
    std::atomic<std::uint64_t> failed_batches{0};
  };
  [[nodiscard]] const counters& counted() const noexcept { return counters_; }
  /// Jobs waiting in all lanes.
  [[nodiscard]] std::size_t waiting() const;

 private:
  using job_list = std::vector<std::shared_ptr<database_job>>;
  using scheduler = lane_scheduler<std::shared_ptr<database_job>>;

  struct lane {
    std::string name_space;
    std::vector<migration> migrations;
    std::unique_ptr<database_session> session;  // of the batch that runs, if one does; null: to be opened
    bool failed = false;                        // guarded by mutex_
    time_point probe_at{};                      // guarded by mutex_
  };

  void work();
  void carry_out(lane& l, scheduler::batch& b);
  void settle(lane& l, const std::optional<error>& failure, bool healed, const batch_times& times);
  [[nodiscard]] expected<void> connect(lane& l);
  void refuse(job_list& jobs, errc code, const std::string& why, std::atomic<std::uint64_t>& counter);

  const std::shared_ptr<database_driver> driver_;
  const settings settings_;
  const clock now_;
  database_health health_;
  counters counters_;

  mutable std::mutex mutex_;
  std::condition_variable work_;
  scheduler scheduler_;
  std::vector<std::unique_ptr<lane>> lanes_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace troupe
