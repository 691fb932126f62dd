#include "runtime/services/batch.hpp"

#include <algorithm>

namespace troupe {
namespace {

using job_list = std::vector<std::shared_ptr<database_job>>;

// One job in an open write transaction. The result is the job's own; `storage` is set when the batch is lost.
expected<void> run_guarded(database_session& session, database_job& job, const batch_times& times, bool alone,
                           std::optional<error>& storage) {
  const auto lost = [&storage](error e) {
    storage = std::move(e);
    return expected<void>{};
  };
  if (!alone)
    if (auto marked = session.savepoint(); !marked) return lost(marked.error());
  auto outcome = job.run(session, times);
  if (!outcome && is_storage_error(outcome.error().code)) return lost(outcome.error());
  if (alone) return outcome;  // the caller rolls a lone failure back as a whole
  auto closed = outcome ? session.release() : session.rollback_to_savepoint();
  if (!closed) return lost(closed.error());
  return outcome;
}

// All jobs in one write transaction; what it returns is why nothing of it was committed.
std::optional<error> attempt_writes(database_session& session, const job_list& jobs, const batch_times& times,
                                    std::vector<expected<void>>& outcomes) {
  if (auto begun = session.begin(db_access::write); !begun) return begun.error();
  const bool alone = jobs.size() == 1;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    std::optional<error> storage;
    outcomes[i] = run_guarded(session, *jobs[i], times, alone, storage);
    if (storage) {
      session.rollback();
      return storage;
    }
  }
  if (alone && !outcomes[0]) {
    session.rollback();
    return std::nullopt;
  }
  if (auto committed = session.commit(); !committed) return committed.error();
  return std::nullopt;
}

// A failed read leaves nothing to undo, but some databases refuse all that follows it in its transaction.
void run_reads(database_session& session, const job_list& jobs, const batch_times& times,
               std::vector<expected<void>>& outcomes, std::optional<error>& storage) {
  bool open = false;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (jobs[i]->writes()) continue;
    auto outcome = open ? expected<void>{} : session.begin(db_access::read);
    if (outcome) outcome = jobs[i]->run(session, times);
    open = outcome.has_value();
    if (!open) session.rollback();
    if (!outcome && is_storage_error(outcome.error().code) && !storage) storage = outcome.error();
    outcomes[i] = std::move(outcome);
  }
  session.rollback();
}

}  // namespace

bool is_storage_error(errc code) noexcept {
  return code == errc::storage_failed || code == errc::unavailable || code == errc::corrupt ||
         code == errc::out_of_memory || code == errc::outcome_unknown;
}

batch_outcome run_batch(database_session& session, const job_list& jobs, const batch_times& times) {
  batch_outcome result;
  result.of_jobs.resize(jobs.size());
  const auto writes = [](const auto& job) { return job->writes(); };
  if (std::any_of(jobs.begin(), jobs.end(), writes)) {
    auto failure = attempt_writes(session, jobs, times, result.of_jobs);
    if (!failure) {
      result.committed_writes = true;
      return result;
    }
    for (std::size_t i = 0; i < jobs.size(); ++i)
      if (jobs[i]->writes()) result.of_jobs[i] = tl::unexpected(*failure);
    result.storage_error = std::move(failure);
  }
  run_reads(session, jobs, times, result.of_jobs, result.storage_error);
  return result;
}

}  // namespace troupe
