// This node's lease as leader, where other threads can ask for it: the cluster actor says after each step how long
// it leads, and a fencing token looks here and at the clock.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>

#include <troupe/fenced.hpp>
#include <troupe/time.hpp>

namespace troupe {

class lease_watch final : public fenced_lease {
 public:
  [[nodiscard]] bool holds(std::uint64_t term) const override;
  /// The term that this node leads now.
  [[nodiscard]] std::optional<std::uint64_t> term() const;

  /// Term 0: this node does not lead.
  void publish(std::uint64_t term, time_point until);

 private:
  mutable std::mutex mutex_;
  std::uint64_t term_ = 0;
  time_point until_{};
};

}  // namespace troupe
