// What the simulated clients of shards have in common: who serves a shard now, and answers that come in any case.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "tests/sim/cluster_process.hpp"

namespace troupe::sim {

struct shard_server {
  cluster_process* process = nullptr;  // none: nobody serves it
  node_index node = 0;
  time_point clock;  // its own
};

[[nodiscard]] shard_server server_of(world& w, std::uint32_t shard);

/// Answers once; whoever lets go of it without an answer (a process that died) answers with an outcome that nobody
/// knows.
class answered_once {
 public:
  explicit answered_once(std::function<void(const owned_reply&)> then) : then_(std::move(then)) {}
  answered_once(const answered_once&) = delete;
  answered_once& operator=(const answered_once&) = delete;
  ~answered_once() { answer(owned_reply::failed(errc::outcome_unknown)); }

  void answer(const owned_reply& r) {
    if (const auto then = std::exchange(then_, nullptr)) then(r);
  }
  [[nodiscard]] static reply_callback make(std::function<void(const owned_reply&)> then);

 private:
  std::function<void(const owned_reply&)> then_;
};

}  // namespace troupe::sim
