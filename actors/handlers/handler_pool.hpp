// A few threads for what may block: scripts, and the handlers of an embedder. They start with the first task,
// so a node without handlers has none of them.
//
// Tasks are begun in order; with more than one thread they may end in any. A full queue refuses.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace troupe {

class handler_pool {
 public:
  /// `stopping` turns true when the node stops: a task that waits gives up then.
  using task = std::function<void(const std::atomic<bool>& stopping)>;

  handler_pool(std::size_t threads_max, std::size_t queue_max) : threads_max_(threads_max), queue_max_(queue_max) {}
  ~handler_pool() { stop(); }

  /// False: the queue is full or the pool has stopped.
  [[nodiscard]] bool submit(task t);

  /// Drops what waits, tells what runs, and joins. Idempotent.
  void stop();

  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }

 private:
  void work();

  const std::size_t threads_max_;
  const std::size_t queue_max_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<task> tasks_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> refused_{0};
};

}  // namespace troupe
