// The latest cluster_view, for everyone who only looks: actors pin a new one after each change,
// doors read it without asking an actor. Readers never block writers for longer than a pointer copy.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include <troupe/cluster.hpp>

namespace troupe {

class cluster_board {
 public:
  cluster_board();

  [[nodiscard]] std::shared_ptr<const cluster_view> read() const;

  /// Replaces the view by `change` applied to a copy of it; changes are made one at a time.
  void update(const std::function<void(cluster_view&)>& change);

  /// Calls `f` after each change, on the thread of whoever made it: it must only hand over, and not change the board.
  /// The id is for unlisten.
  std::uint64_t listen(std::function<void()> f);
  /// After it returns `f` is not running and will not be called again. Not from a listener.
  void unlisten(std::uint64_t id);

  /// Blocks until `holds` is true of the view or the deadline passes; says which.
  [[nodiscard]] bool wait(const std::function<bool(const cluster_view&)>& holds, duration deadline) const;

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::shared_ptr<const cluster_view> view_;
  std::mutex listeners_mutex_;
  std::map<std::uint64_t, std::function<void()>> listeners_;
  std::uint64_t listener_ids_ = 0;
};

}  // namespace troupe
