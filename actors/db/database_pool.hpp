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
#include <optional>
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

  /// The token of the leader when this node leads: who may migrate what nodes share.
  using leader_right = std::function<std::optional<fenced>()>;

  /// What follows the migrations each time that a namespace is opened: tables that are made from something else.
  using evolution = std::function<expected<void>(database_session&, const std::optional<fenced>&)>;

  static constexpr duration probe_interval = std::chrono::seconds(1);    // of a namespace that failed
  static constexpr duration wait_first = std::chrono::milliseconds(50);  // for the leader; then twice as long each time

  database_pool(std::shared_ptr<database_driver> driver, settings s, clock now = read_clocks);
  ~database_pool();

  database_pool(const database_pool&) = delete;
  database_pool& operator=(const database_pool&) = delete;

  [[nodiscard]] static settings settings_of(const db_config& c);
  [[nodiscard]] static batch_times read_clocks();

  [[nodiscard]] sql_dialect dialect() const noexcept { return driver_->dialect(); }

  /// Before the first open().
  void set_leader_right(leader_right f) { right_ = std::move(f); }

  /// Opens and migrates a namespace; blocks. bad_config, corrupt and invalid_argument refuse it. A storage that is
  /// full or away does not: the lane stands, its jobs fail, health says so, and it is tried again every second; sooner
  /// when it is only the leader's turn to migrate.
  /// `on_open` is called each time that it was opened, here or on a worker.
  [[nodiscard]] expected<lane_id> open(const std::string& name_space, std::vector<migration> migrations,
                                       std::function<void()> on_open = {}, evolution evolve = {});

  /// Lanes whose sessions only read a namespace that was opened; each runs beside the others and beside the writer.
  [[nodiscard]] std::vector<lane_id> open_readers(const std::string& name_space, std::size_t count);

  /// Drops all in the namespace of the lane and migrates it anew, in its turn; blocks. Not from a worker. `g` is told
  /// on the worker when calls may come and when not.
  using gate = std::function<void(bool open)>;
  [[nodiscard]] expected<void> reset(lane_id id, gate g);

  /// A number for database_job::reservation.
  [[nodiscard]] std::uint64_t new_reservation() noexcept { return reservations_.fetch_add(1) + 1; }

  void start();

  /// Refuses what waits and what comes (unavailable), lets the running batches end, joins the threads and closes
  /// the sessions. Blocks as long as the longest batch. Not from a callback. Idempotent.
  void stop();

  /// `job->done` may be called before this returns: unavailable when the lane is full or stop() was called.
  void submit(lane_id lane, std::shared_ptr<database_job> job);
  /// In the lane of them that has the least to do.
  void submit_to_any(const std::vector<lane_id>& lanes, std::shared_ptr<database_job> job);
  /// A job of a reservation that its lane has been kept for; nothing is done unless it is taken. `ends`: as
  /// lane_scheduler::admit_owned.
  [[nodiscard]] owned_admission submit_owned(lane_id lane, std::uint64_t reservation, std::shared_ptr<database_job> job,
                                             bool ends = false);
  /// Which lane the reservation holds; none when it holds none.
  [[nodiscard]] std::optional<lane_id> lane_of(std::uint64_t reservation) const;

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
    std::function<void()> on_open;
    evolution evolve;
    bool reader = false;
    bool awaits_leader = false;                     // since the last connect(), by whoever runs the lane
    bool failed = false;                            // guarded by mutex_
    time_point probe_at{};                          // guarded by mutex_
    duration probe_after = probe_interval;          // guarded by mutex_
    time_point reserved_until = time_point::max();  // guarded by mutex_
  };

  void work();
  [[nodiscard]] bool spoils_session(errc code) const noexcept;
  [[nodiscard]] batch_outcome run_with_reconnect(lane& l, const job_list& jobs, const batch_times& times);
  [[nodiscard]] bool admit(lane_id id, std::shared_ptr<database_job>& job);
  void carry_out(lane& l, scheduler::batch& b);
  void carry_out_alone(lane& l, lane_id id, database_job& job, const batch_times& times);
  void settle(lane& l, const std::optional<error>& failure, bool healed, const batch_times& times);
  [[nodiscard]] expected<void> connect(lane& l);
  [[nodiscard]] expected<void> bring_up_to_date(lane& l, database_session& session);
  void refuse(job_list& jobs, errc code, const std::string& why, std::atomic<std::uint64_t>& counter);

  const std::shared_ptr<database_driver> driver_;
  const settings settings_;
  const clock now_;
  leader_right right_;
  std::atomic<std::uint64_t> reservations_{0};
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
