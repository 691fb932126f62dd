// Appends of one node on their way to the journal: one transaction at a time, and in the next one whatever has come
// meanwhile. Appends of a journal follow each other anyway (journal_statements), so more at once would only wait at the
// database, each with a connection; together they cost one commit.
//
// Pure: whoever drives it holds a lock over it and none over what it calls.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include <troupe/journal.hpp>

namespace troupe {

struct append_limits {
  std::size_t waiting_max = journal::waiting_max;
  std::size_t waiting_bytes_max = journal::waiting_bytes_max;
  std::size_t batch_events_max = journal::append_events_max;
  std::size_t batch_bytes_max = journal::append_bytes_max;
};

class append_queue {
 public:
  struct entry {
    stream_append what;
    journal::append_callback done;
    bool alone = false;  // it was in a batch that was refused for what it held
  };
  /// `done` is to be told, when no lock is held.
  struct told {
    journal::append_callback done;
    expected<appended> outcome;
  };

  explicit append_queue(append_limits limits = {}) : limits_(limits) {}

  /// errc::unavailable beyond a limit; then `e` is untouched. What it holds is sound (check_append).
  [[nodiscard]] expected<void> add(entry& e);

  /// What goes together now; empty when a batch is on its way or nothing waits.
  [[nodiscard]] const std::vector<stream_append>& next();
  /// What became of the batch that next() gave. One that the database refused for what it holds is tried again append
  /// by append: who is at fault must not fail the others.
  [[nodiscard]] std::vector<told> on_done(const expected<std::vector<expected<appended>>>& outcome);

  /// The one on its way; empty without.
  [[nodiscard]] const std::vector<stream_append>& batch() const noexcept { return batch_; }
  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }

 private:
  const append_limits limits_;
  std::deque<entry> waiting_;
  std::size_t bytes_ = 0;             // of waiting_
  std::vector<entry> going_;          // its `what` is in batch_
  std::vector<stream_append> batch_;  // empty: none is on its way
  const std::vector<stream_append> nothing_;
};

}  // namespace troupe
