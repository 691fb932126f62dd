#include "runtime/services/batch.hpp"

#include <algorithm>

namespace troupe {
namespace {

using job_list = std::vector<std::shared_ptr<database_job>>;

// Why a batch was lost: the database's trouble, or one of its jobs spoilt it for the others.
struct loss {
  error why;
  bool by_a_job = false;
};

// One job in an open write transaction. The result is the job's own; `lost` is set when the batch is.
expected<void> run_guarded(database_session& session, database_job& job, const batch_times& times, bool alone,
                           std::optional<loss>& whole) {
  const auto lost = [&whole](error e, bool by_a_job = false) {
    whole = loss{std::move(e), by_a_job};
    return expected<void>{};
  };
  if (!alone)
    if (auto marked = session.savepoint(); !marked) return lost(marked.error());
  auto outcome = job.run(session, times);
  if (!outcome && is_storage_error(outcome.error().code)) return lost(outcome.error());
  if (alone) return outcome;  // the caller rolls a lone failure back as a whole
  if (!outcome && !session.in_transaction()) return lost(outcome.error(), true);
  auto closed = outcome ? session.release() : session.rollback_to_savepoint();
  if (!closed) return lost(closed.error());
  return outcome;
}

// All jobs in one write transaction; what it returns is why nothing of it was committed.
std::optional<loss> attempt_writes(database_session& session, const job_list& jobs, const batch_times& times,
                                   std::vector<expected<void>>& outcomes) {
  if (auto begun = session.begin(db_access::write); !begun) return loss{begun.error()};
  const bool alone = jobs.size() == 1;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    std::optional<loss> whole;
    outcomes[i] = run_guarded(session, *jobs[i], times, alone, whole);
    if (whole) {
      session.rollback();
      return whole;
    }
  }
  if (alone && !outcomes[0]) {
    session.rollback();
    return std::nullopt;
  }
  if (auto committed = session.commit(); !committed)
    return loss{committed.error(), !is_storage_error(committed.error().code)};
  return std::nullopt;
}

// What one job spoilt (a constraint that is looked at when the transaction ends, a statement that was given up) is
// no fault of the others: each has a transaction of its own then.
std::optional<error> attempt_apart(database_session& session, const job_list& jobs, const batch_times& times,
                                   std::vector<expected<void>>& outcomes, std::size_t& decided) {
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    std::vector<expected<void>> own(1);
    auto lost = attempt_writes(session, {jobs[i]}, times, own);
    decided = i;
    if (lost && !lost->by_a_job) {
      for (; i < jobs.size(); ++i) outcomes[i] = tl::unexpected(lost->why);
      return std::move(lost->why);
    }
    outcomes[i] = lost ? expected<void>(tl::unexpected(std::move(lost->why))) : std::move(own[0]);
  }
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
    auto lost = attempt_writes(session, jobs, times, result.of_jobs);
    if (lost && lost->by_a_job && jobs.size() == 1) {
      result.of_jobs[0] = tl::unexpected(std::move(lost->why));
      return result;
    }
    if (lost && lost->by_a_job) {
      result.storage_error = attempt_apart(session, jobs, times, result.of_jobs, result.decided);
      result.committed_writes = !result.storage_error || result.decided > 0;
      return result;
    }
    if (!lost) {
      result.committed_writes = true;
      return result;
    }
    for (std::size_t i = 0; i < jobs.size(); ++i)
      if (jobs[i]->writes()) result.of_jobs[i] = tl::unexpected(lost->why);
    result.storage_error = std::move(lost->why);
  }
  run_reads(session, jobs, times, result.of_jobs, result.storage_error);
  return result;
}

}  // namespace troupe
