#include "runtime/services/steward.hpp"

#include <algorithm>

namespace troupe {
namespace {

bool runs_databases(const member& m) {
  return std::find(m.services.begin(), m.services.end(), "db") != m.services.end();
}

}  // namespace

std::optional<fenced> steward_right(const cluster_view& view) {
  if (!view.leader_now || !view.cut_off.empty()) return std::nullopt;
  const member* steward = nullptr;
  for (const auto& m : view.members) {
    if (!runs_databases(m)) continue;
    if (m.name == view.leader_now->name) return std::nullopt;
    const bool serves = m.pid != 0 && m.state == member_state::alive;
    if (serves && (steward == nullptr || m.pid < steward->pid)) steward = &m;
  }
  if (steward == nullptr || steward->id != view.id) return std::nullopt;
  return fenced(view.leader_now->term, view.leader_now->id);
}

}  // namespace troupe
