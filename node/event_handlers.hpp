// Connects what happens with who handles it: scripts of events.handlers and query handlers of the embedder.
//
//   event_hub --> filters --> handler_pool --> run_script (the event on its standard input)
//   cluster_calls (asked) --> embedder's handlers in turn, then a script --> the answer
//
// A handler that is missing, hangs or prints too much is logged and counted; it never ends the node.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <troupe/config.hpp>
#include <troupe/event.hpp>
#include <troupe/query.hpp>

#include "actors/cluster/cluster_calls.hpp"
#include "actors/event_hub.hpp"
#include "actors/handlers/handler_pool.hpp"
#include "actors/handlers/run_script.hpp"
#include "actors/log.hpp"
#include "actors/metrics.hpp"
#include "config/event_handler.hpp"

namespace troupe {

class event_handlers {
 public:
  event_handlers(const config& c, event_log& log, event_hub& events, cluster_calls& calls);
  ~event_handlers() { stop(); }

  /// Begins to listen. The configuration was validated.
  void start();
  /// Kills what runs. Idempotent.
  void stop();

  /// Asked before scripts, in the order in which they were added.
  void add(query_handler h);

  void register_metrics(metrics& m);

 private:
  void on_event(const std::shared_ptr<const event>& e);
  void on_asked(membership::asked_query q);
  [[nodiscard]] std::optional<std::string> handle(const membership::asked_query& q, const std::atomic<bool>& stopping);
  [[nodiscard]] std::optional<std::string> run(script s, const std::atomic<bool>& stopping);
  [[nodiscard]] script script_of(const event_handler_spec& spec) const;

  const config& settings_;
  event_log& log_;
  event_hub& events_;
  cluster_calls& calls_;
  std::vector<event_handler_spec> specs_;
  std::mutex mutex_;
  std::vector<query_handler> query_handlers_;
  std::uint64_t listener_ = 0;
  std::atomic<std::uint64_t> runs_{0};
  std::atomic<std::uint64_t> failures_{0};
  handler_pool pool_;  // its tasks use the rest
};

}  // namespace troupe
