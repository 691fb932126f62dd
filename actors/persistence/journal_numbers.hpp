// What is counted of a journal: troupe_journal_* by its namespace, troupe_projection_* by the projection, too.
#pragma once

#include <string>

#include <troupe/error.hpp>

#include "actors/metrics.hpp"

namespace troupe {

struct journal_numbers {
  journal_numbers(metrics& m, const std::string& name_space);

  void count_append(const error* failed);
  void count_replay(bool done, std::uint64_t events);

  prometheus::Counter& done;
  prometheus::Counter& conflicts;
  prometheus::Counter& unknown;
  prometheus::Counter& failed;
  prometheus::Counter& events;
  prometheus::Counter& batches;
  prometheus::Counter& snapshots;
  prometheus::Counter& failed_snapshots;
  prometheus::Counter& truncated;
  prometheus::Counter& replays;
  prometheus::Counter& failed_replays;
  prometheus::Counter& replayed;
};

struct projection_numbers {
  projection_numbers(metrics& m, const std::string& name_space, const std::string& projection);

  prometheus::Counter& events;
  prometheus::Counter& failures;
  prometheus::Gauge& position;
};

}  // namespace troupe
