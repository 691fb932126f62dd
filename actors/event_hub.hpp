// Where events of a node meet their listeners: actors publish, doors (server-sent events) and
// embedders listen. The last `history_max` events are kept so that a listener can resume.
//
// Thread-safe. A listener is called on the publishing thread, in order, and must only hand over.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <troupe/event.hpp>

namespace troupe {

class event_hub {
 public:
  using listener = std::function<void(const std::shared_ptr<const event>&)>;
  static constexpr std::size_t history_max = 1024;

  /// Gives the event its sequence and time and shows it to every listener.
  void publish(std::string kind, std::vector<std::pair<std::string, std::string>> fields = {});

  /// Calls `f` for every later event, and first for the kept ones after `resume_after` when that is
  /// given. The id is for unlisten.
  std::uint64_t listen(listener f, std::uint64_t resume_after = UINT64_MAX);

  /// After it returns the listener is not running and will not be called again. Not from a listener.
  void unlisten(std::uint64_t id);

  [[nodiscard]] std::uint64_t last_sequence() const;

 private:
  mutable std::mutex mutex_;
  std::uint64_t sequence_ = 0;
  std::uint64_t listener_ids_ = 0;
  std::deque<std::shared_ptr<const event>> history_;
  std::map<std::uint64_t, listener> listeners_;
};

}  // namespace troupe
