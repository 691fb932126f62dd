// Whether the databases of this node take writes, readable from any thread: /readyz and the service's
// status ask here. One failed namespace makes the whole failed; one whose tables the leader has to make first makes it
// wait.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

namespace troupe {

struct database_status {
  bool ok = true;
  bool waits = false;  // not ok, but nothing has failed: it is the leader's turn
  std::string reason;  // of the namespace that failed, or waits, first, when not ok
  wall_time since{};   // of the present state; the epoch before the first change
};

class database_health {
 public:
  using listener = std::function<void(const database_status&)>;

  /// Called at each change between ok, waiting and failed, in order, on the thread that found out; must not
  /// block. Set once, before the first report.
  void on_change(listener f) { listener_ = std::move(f); }

  [[nodiscard]] database_status read() const;

  void report_failed(const std::string& name_space, const error& why, wall_time now);
  void report_waiting(const std::string& name_space, const error& why, wall_time now);
  void report_ok(const std::string& name_space, wall_time now);

 private:
  void settle(wall_time now);

  listener listener_;
  std::mutex order_;  // held over a report and its listener: changes are told in order
  mutable std::mutex mutex_;
  std::map<std::string, std::string> failures_;  // namespace -> reason
  std::map<std::string, std::string> waiting_;   // the same
  database_status status_;
};

}  // namespace troupe
