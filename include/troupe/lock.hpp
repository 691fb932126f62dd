// Locks, semaphores and roles of the cluster: named things that so many holders have at a time, each with a token.
//
// The picture: the leader writes into the cluster record who holds what, so it is as safe as the record and outlives
// the leader. A holder's node renews its hold with the leader; a hold that was not renewed for its whole ttl is over,
// at the holder first and at the leader later, by their own monotonic clocks. A hold is a look at the clock like a
// leader's lease: what it guards should keep the highest token and refuse lower ones (<troupe/fenced.hpp> says why).
//
// For coordination, not for each request: taking and releasing are changes of the cluster record.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

namespace troupe {

/// A role is a lock that its holders campaign for, again when they lose it.
enum class lock_kind : std::uint8_t { lock, semaphore, role };

[[nodiscard]] std::string_view name_of(lock_kind kind) noexcept;

struct lock_request {
  lock_kind kind = lock_kind::lock;
  std::string name;                         // 1 to 64 letters, digits, or . _ - :
  std::uint32_t permits = 1;                // of a semaphore, at most 256: the first holder says, the others must agree
  duration ttl = std::chrono::seconds(10);  // 1 s to 10 min
  duration wait{};                          // for another to let go; zero: not at all
};

/// What a hold is made of; see held_lock.
class lock_holding {
 public:
  virtual ~lock_holding() = default;
  [[nodiscard]] virtual std::uint64_t token() const = 0;
  [[nodiscard]] virtual bool still_valid() const = 0;
  virtual void release() = 0;
};

/// A permit of a lock or a semaphore; given back with the last copy. Thread-safe. Must not outlive its node.
class held_lock {
 public:
  explicit held_lock(std::shared_ptr<lock_holding> holding) : holding_(std::move(holding)) {}

  /// Higher than any token that this cluster gave before, for whatever name.
  [[nodiscard]] std::uint64_t token() const { return holding_->token(); }
  /// False when its ttl passed without the leader's word, or it was released.
  [[nodiscard]] bool still_valid() const { return holding_->still_valid(); }
  void release() { holding_->release(); }

 private:
  std::shared_ptr<lock_holding> holding_;
};

/// What the callback of node::lead is told.
struct role_change {
  std::string role;
  bool leads = false;       // this node, from now on
  std::uint64_t token = 0;  // of its hold, while it leads
};
using role_callback = std::function<void(const role_change&)>;

/// One row of cluster_view::locks.
struct lock_row_view {
  struct holder {
    std::string member;
    std::uint64_t token = 0;
    duration ttl{};
  };
  lock_kind kind = lock_kind::lock;
  std::string name;
  std::uint32_t permits = 1;
  std::vector<holder> holders;
};

}  // namespace troupe
