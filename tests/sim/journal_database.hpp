// The database of a simulated journal: a real SQLite in memory and the real statements, each call one transaction that
// is done or not. It outlives the processes that ask.
//
// It is its own checker: after each transaction it looks at what is new with SQL of its own. Streams have no gaps, no
// event is there twice, nothing appears before a position that was there, and the projection has had all events in
// order, each once.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "gateways/db/sqlite_session.hpp"
#include "runtime/journal/journal_statements.hpp"

namespace troupe::sim {

class journal_database {
 public:
  static constexpr const char* projection = "sum";

  journal_database();

  // Each is a transaction.
  [[nodiscard]] expected<std::vector<expected<appended>>> append(const std::vector<stream_append>& batch);
  [[nodiscard]] expected<stream_start> load(const std::string& stream);
  [[nodiscard]] expected<std::vector<stored_event>> read(const std::string& stream, std::uint64_t after,
                                                         std::size_t events_max);
  [[nodiscard]] expected<std::vector<stored_event>> read_all(std::uint64_t after, std::size_t events_max);
  [[nodiscard]] expected<void> save_snapshot(const std::string& stream, std::uint64_t version, const journal_event& e);
  [[nodiscard]] expected<void> truncate(const std::string& stream);
  [[nodiscard]] expected<std::uint64_t> cursor();
  /// The effect of these events, and the cursor behind them, from `position`.
  [[nodiscard]] expected<void> project(std::uint64_t position, const std::vector<stored_event>& page);

  /// All events of a stream since ever, by their bytes.
  [[nodiscard]] const std::vector<std::string>& history(const std::string& stream) { return histories_[stream]; }
  [[nodiscard]] bool holds(const std::string& event) const { return events_.contains(event); }
  [[nodiscard]] bool all_projected() const noexcept { return projected_ == order_.size(); }
  [[nodiscard]] std::uint64_t truncated() const noexcept { return truncated_; }
  /// What was found wrong; empty: nothing.
  [[nodiscard]] const std::string& fault() const noexcept { return fault_; }

 private:
  [[nodiscard]] expected<std::vector<sql_result>> run_all(const std::vector<sql_call>& calls);
  void look();
  void wrong(const std::string& what) {
    if (fault_.empty()) fault_ = what;
  }

  sqlite_session session_;
  journal_statements statements_;
  std::map<std::string, std::vector<std::string>> histories_;
  std::set<std::string> events_;
  std::vector<std::uint64_t> order_;  // positions of all events
  std::size_t projected_ = 0;         // of order_
  std::uint64_t truncated_ = 0;
  std::string fault_;
};

}  // namespace troupe::sim
