// Estimated round trips from this node to the others, for whoever looks for the nearest: asked of the cluster's actor
// when they are wanted and older than a second; what is read meanwhile is what was known before. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "actors/cluster_board.hpp"
#include "runtime/registry/choice.hpp"

namespace troupe {

class member_distances : public std::enable_shared_from_this<member_distances> {
 public:
  static constexpr duration age_max = std::chrono::seconds(1);

  using answer = std::function<void(expected<duration>)>;
  using asker = std::function<void(std::string from, std::string to, answer done)>;

  /// `board` and what `ask` uses outlive this object's last call of read().
  member_distances(const cluster_board& board, asker ask) : board_(board), ask_(std::move(ask)) {}

  [[nodiscard]] distances read();

 private:
  void refresh();

  const cluster_board& board_;
  const asker ask_;
  std::mutex mutex_;
  distances known_;
  time_point asked_{};
};

}  // namespace troupe
