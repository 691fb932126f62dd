#include "tests/sim/cluster_clients.hpp"

#include <memory>

namespace troupe::sim {

shard_server server_of(world& w, std::uint32_t shard) {
  for (node_index n = 0; n < w.size(); ++n) {
    auto* p = w.process_of<cluster_process>(n);
    if (p == nullptr || w.paused(n)) continue;
    const auto clock = w.clock_of(n);
    if ((p->serves(clock) & shard_set{1} << shard) != 0) return {p, n, clock};
  }
  return {};
}

reply_callback answered_once::make(std::function<void(const owned_reply&)> then) {
  return [once = std::make_shared<answered_once>(std::move(then))](const owned_reply& r) { once->answer(r); };
}

}  // namespace troupe::sim
