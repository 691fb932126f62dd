// The changes that wait for one subscriber, between the threads that tell and the one that takes: a change_backlog
// behind a lock.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>

#include <troupe/cache_changes.hpp>

#include "runtime/cache/change_backlog.hpp"

namespace troupe {

class change_queue {
 public:
  /// `leave` is called once, by close(), from any thread.
  change_queue(const change_options& o, std::function<void()> leave);

  /// True when its reader is to be woken: by wake(), without locks.
  [[nodiscard]] bool push(cache_change c);
  void wake();
  /// The node stops: what waits can be taken, and nothing more comes. Its reader is to be woken.
  void end();

  [[nodiscard]] std::optional<cache_change> try_next();
  [[nodiscard]] expected<cache_change> next(duration deadline);
  void close() noexcept;
  [[nodiscard]] bool ended() const;
  [[nodiscard]] std::uint64_t discarded() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  change_backlog backlog_;  // guarded by mutex_, as the next
  bool woken_ = false;      // since the reader found nothing
  bool ended_ = false;
  bool closed_ = false;
  std::recursive_mutex waking_;  // held while wake_ runs: nothing runs after close()
  const std::function<void()> wake_;
  const std::function<void()> leave_;
};

}  // namespace troupe
