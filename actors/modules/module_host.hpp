// Runs the modules of a node: a driver thread with the machine, and a thread for each module's hooks. Neither the
// cluster's actor nor an I/O thread ever waits for a module.
//
//   board changes --wake--> driver: world_of, machine --> hooks (a thread each) --answers--> inbox --> driver
//   driver --> node_status (rows, readiness), log, events, what the others are told
//
// stop() withdraws, stops in order and waits, bounded: a hook that does not return is said and left behind.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <troupe/config.hpp>
#include <troupe/module.hpp>

#include "actors/cluster_board.hpp"
#include "actors/event_hub.hpp"
#include "actors/log.hpp"
#include "actors/metrics.hpp"
#include "actors/modules/hook_context.hpp"
#include "actors/modules/hook_thread.hpp"
#include "actors/modules/module_hooks.hpp"
#include "actors/modules/module_inbox.hpp"
#include "actors/node_status.hpp"
#include "runtime/modules/explanation.hpp"
#include "runtime/modules/module_machine.hpp"

namespace troupe {

class module_host {
 public:
  using exported = std::map<std::string, export_variables>;

  struct surroundings {
    const config& settings;
    cluster_board& board;
    node_status& status;
    event_hub& events;
    event_log& log;
    module_surface surface;
    const std::vector<std::string>& known_services;  // that a node has without modules
    /// Others learn what this node exports; `done` from any thread.
    std::function<void(const exported& all, std::function<void(expected<void>)> done)> tell;
    std::uint64_t seed = 0;
  };

  /// What the machine is to know of them.
  [[nodiscard]] static std::vector<module_spec> specs_of(const std::vector<module>& all, const config& c);

  /// `all` were checked.
  module_host(std::vector<module> all, surroundings s);
  ~module_host();

  void start();
  /// Blocks until all are stopped, for at most `limit`; false when a hook was left behind. Idempotent. `leaving`: other
  /// nodes are given a moment to see it coming.
  bool stop(bool leaving, duration limit);

  /// From any thread.
  [[nodiscard]] std::optional<explanation> explain(const std::string& name) const;
  [[nodiscard]] std::string short_reason(const std::string& name) const;

  void register_metrics(metrics& m);

 private:
  void drive();
  void carry_out(const module_output& out);
  void show(const module_output::change& c);
  void run_hook(const module_output::call& c);
  void tell_exports();
  void count();

  surroundings with_;
  const std::shared_ptr<module_gate> gate_;
  const std::shared_ptr<module_inbox> inbox_ = std::make_shared<module_inbox>();
  mutable std::mutex machine_mutex_;
  module_machine machine_;
  std::vector<std::shared_ptr<module_hooks>> hooks_;
  std::vector<std::unique_ptr<hook_thread>> threads_;
  std::vector<std::uint64_t> runs_;
  std::vector<std::string> unready_;
  std::uint64_t listener_ = 0;
  std::mutex ended_mutex_;
  std::condition_variable ended_changed_;
  bool ended_ = false;    // the machine has
  bool closing_ = false;  // the driver ends
  std::mutex stop_mutex_;
  bool stopped_ = false;
  std::thread driver_;

  enum number : std::size_t { starts, stops, failures, unhealthy, lost, overdue, running, waiting, failed, numbers };
  std::array<std::atomic<std::uint64_t>, numbers> numbers_{};
  std::atomic<std::uint64_t> left_behind_{0};
  const std::shared_ptr<std::atomic<std::uint64_t>> refused_ = std::make_shared<std::atomic<std::uint64_t>>(0);
};

}  // namespace troupe
