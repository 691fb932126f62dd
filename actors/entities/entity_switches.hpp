// Which entities this node serves now, as everybody on it sees them: one look at an atomic for each request. A change
// is told to the other members first; when that fails nothing has changed. Not remembered: a restart takes the
// configuration.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>

#include "runtime/entities/entity_duty.hpp"

namespace troupe {

class entity_switches : public std::enable_shared_from_this<entity_switches> {
 public:
  using done_callback = std::function<void(expected<void>)>;
  /// Tells the others; `done` on any thread, perhaps at once.
  using teller = std::function<void(std::vector<std::string> marks, done_callback done)>;
  /// Called for each entity at the start, and after each change.
  using shower = std::function<void(const std::string& path, bool on)>;

  entity_switches(const entity_model& model, entity_duty duty, teller tell, shower show);

  /// By the entity's place in the model.
  [[nodiscard]] bool is_on(std::size_t entity) const noexcept { return on_[entity].load(std::memory_order_relaxed); }

  /// errc::not_found, errc::too_large, or why it could not be told.
  void turn(const std::string& path, bool on, done_callback done);

 private:
  const std::vector<std::string> paths_;
  std::vector<std::atomic<bool>> on_;
  const teller tell_;
  const shower show_;
  std::mutex mutex_;
  entity_duty duty_;      // guarded by mutex_
  bool telling_ = false;  // guarded by mutex_
};

}  // namespace troupe
