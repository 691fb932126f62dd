// Runs several jobs as one transaction (group commit): all of them are durable after one flush, or none.
//
// A job that fails by itself is undone by a savepoint; one that ends the transaction for all of them makes each run in
// a transaction of its own; an error of the storage or of the commit fails
// every writing job, and the reading ones are then run again in a transaction of their own, so that
// reads go on while the disk is full. It does not call done() and knows no thread.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "runtime/services/database_job.hpp"

namespace troupe {

struct batch_outcome {
  std::vector<expected<void>> of_jobs;  // in the order of the jobs
  std::optional<error> storage_error;   // why the whole batch failed, if it did
  bool committed_writes = false;
  std::size_t decided = 0;  // jobs at the front whose outcome stands whatever the storage error says
};

/// storage_failed, unavailable, corrupt, out_of_memory, outcome_unknown: the database's trouble, not the job's.
[[nodiscard]] bool is_storage_error(errc code) noexcept;

/// Empty `jobs` do nothing.
[[nodiscard]] batch_outcome run_batch(database_session& session, const std::vector<std::shared_ptr<database_job>>& jobs,
                                      const batch_times& times);

}  // namespace troupe
