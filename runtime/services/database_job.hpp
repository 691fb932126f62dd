// A unit of work for a database: what it does inside a transaction, and what happens once that
// transaction's outcome is known. Jobs of one namespace that wait together share one transaction
// (group commit), so that a job may run() again after the transaction of its first run was rolled back.
#pragma once

#include <cstddef>
#include <cstdint>

#include <troupe/time.hpp>

#include "runtime/services/database_driver.hpp"

namespace troupe {

/// Both clocks, read once for each batch.
struct batch_times {
  time_point now{};
  wall_time wall{};
};

class database_job {
 public:
  explicit database_job(time_point deadline) : deadline_(deadline) {}
  virtual ~database_job() = default;

  database_job(const database_job&) = delete;
  database_job& operator=(const database_job&) = delete;

  /// False promises that run() changes nothing.
  [[nodiscard]] virtual bool writes() const noexcept = 0;

  /// Memory that the job holds while it waits.
  [[nodiscard]] virtual std::size_t bytes() const noexcept { return 0; }

  /// On a worker's thread, inside a transaction; may block on the session and on nothing else. An error of
  /// the storage (see is_storage_error) fails the whole batch, any other undoes this job alone.
  [[nodiscard]] virtual expected<void> run(database_session& session, const batch_times& times) = 0;

  /// Not 0: the job runs by itself, outside of any batch, and ends what it begins; with keeps_lane() only jobs of the
  /// same reservation run in the lane after it, until one does not keep it.
  [[nodiscard]] virtual std::uint64_t reservation() const noexcept { return 0; }
  /// Asked after run(). A lane that is not kept is rolled back.
  [[nodiscard]] virtual bool keeps_lane() const noexcept { return false; }
  /// Asked after run() has failed: the namespace has to be opened anew, with its migrations.
  [[nodiscard]] virtual bool wants_reopening() const noexcept { return false; }

  /// Exactly once, after the commit, in the order of submission; must not block. A value: what run() did is
  /// durable. outcome_unknown: it may be. Any other error: it was not done.
  virtual void done(expected<void> outcome) = 0;

  /// A job that has not started by then is refused with deadline_exceeded.
  [[nodiscard]] time_point deadline() const noexcept { return deadline_; }

 private:
  const time_point deadline_;
};

}  // namespace troupe
