#include "actors/persistence/journal_numbers.hpp"

namespace troupe {
namespace {

prometheus::Counter& appends(metrics& m, const std::string& name_space, const char* outcome) {
  return m.counter("troupe_journal_appends_total", "Appends to a journal, by their outcome",
                   {{"namespace", name_space}, {"outcome", outcome}});
}

}  // namespace

journal_numbers::journal_numbers(metrics& m, const std::string& n)
    : done(appends(m, n, "done")),
      conflicts(appends(m, n, "conflict")),
      unknown(appends(m, n, "unknown")),
      failed(appends(m, n, "failed")),
      events(m.counter("troupe_journal_events_total", "Events that were stored", {{"namespace", n}})),
      batches(m.counter("troupe_journal_batches_total", "Transactions that appends shared", {{"namespace", n}})),
      snapshots(
          m.counter("troupe_journal_snapshots_total", "Snapshots of streams", {{"namespace", n}, {"outcome", "done"}})),
      failed_snapshots(m.counter("troupe_journal_snapshots_total", "Snapshots of streams",
                                 {{"namespace", n}, {"outcome", "failed"}})),
      truncated(m.counter("troupe_journal_truncated_events_total", "Events that were removed behind a snapshot",
                          {{"namespace", n}})),
      replays(m.counter("troupe_journal_replays_total", "Streams that were read by an actor at its start",
                        {{"namespace", n}, {"outcome", "done"}})),
      failed_replays(m.counter("troupe_journal_replays_total", "Streams that were read by an actor at its start",
                               {{"namespace", n}, {"outcome", "failed"}})),
      replayed(m.counter("troupe_journal_replayed_events_total", "Events that actors read at their start",
                         {{"namespace", n}})) {}

void journal_numbers::count_append(const error* why) {
  if (why == nullptr) return done.Increment();
  if (why->code == errc::condition_failed) return conflicts.Increment();
  if (why->code == errc::outcome_unknown) return unknown.Increment();
  failed.Increment();
}

void journal_numbers::count_replay(bool was_done, std::uint64_t count) {
  (was_done ? replays : failed_replays).Increment();
  replayed.Increment(static_cast<double>(count));
}

projection_numbers::projection_numbers(metrics& m, const std::string& n, const std::string& projection)
    : events(m.counter("troupe_projection_events_total", "Events that a projection has applied",
                       {{"namespace", n}, {"projection", projection}})),
      failures(m.counter("troupe_projection_failures_total", "Tries of a projection that failed",
                         {{"namespace", n}, {"projection", projection}})),
      position(m.gauge("troupe_projection_position", "The position in the journal that a projection has reached",
                       {{"namespace", n}, {"projection", projection}})) {}

}  // namespace troupe
