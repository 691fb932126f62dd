#include "actors/node_status.hpp"

#include <algorithm>

#include "runtime/sharding/placement.hpp"

namespace troupe {

namespace {

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text.append(text.empty() ? "" : "; ").append(word);
  return text;
}

bool holds_data(const member& m) {
  const bool there = m.state == member_state::alive || m.state == member_state::suspect;
  return there && std::find(m.services.begin(), m.services.end(), "cache") != m.services.end();
}

}  // namespace

node_status::node_status(cluster_board& board, event_hub& events, std::uint32_t replicas,
                         std::uint32_t expected_members)
    : board_(board), events_(events), replicas_(replicas), expected_members_(expected_members) {}

void node_status::change_conditions(const std::function<void(local_conditions&)>& change) {
  const std::lock_guard lock(mutex_);
  change(conditions_);
  judge([](cluster_view&) {});
}

void node_status::change_view(const std::function<void(cluster_view&)>& change) {
  const std::lock_guard lock(mutex_);
  judge(change);
}

void node_status::set_service(const std::string& name, service_state state, const std::string& reason, errc code) {
  const std::lock_guard lock(mutex_);
  bool changed = false;
  judge([&](cluster_view& view) {
    auto it = std::find_if(view.services.begin(), view.services.end(), [&](const auto& s) { return s.name == name; });
    if (it == view.services.end()) it = view.services.insert(it, service_status{name, service_state::stopped, {}, {}});
    changed = it->state != state;
    it->state = state;
    it->reason = reason;
  });
  if (!changed) return;
  std::vector<std::pair<std::string, std::string>> fields{{"service", name}};
  if (!reason.empty()) fields.emplace_back("reason", reason);
  if (code != errc::ok) fields.emplace_back("error", name_of(code));
  events_.publish("service_" + std::string(name_of(state)), std::move(fields));
}

void node_status::judge(const std::function<void(cluster_view&)>& change) {
  const auto before = board_.read();
  board_.update([&](cluster_view& view) {
    change(view);
    const auto holders = static_cast<std::size_t>(std::count_if(view.members.begin(), view.members.end(), holds_data));
    view.health = judge_health(view, wanted_replicas(replicas_, expected_members_, holders), conditions_);
    judge_readiness(view, conditions_);
    conditions_.was_ready = conditions_.was_ready || view.ready;
  });
  const auto after = board_.read();
  if (before->health.status != after->health.status) {
    events_.publish("health_changed", {{"status", std::string(name_of(after->health.status))}});
  }
  if (before->ready != after->ready) {
    if (after->ready)
      events_.publish("node_ready", {{"node", after->node}});
    else
      events_.publish("node_not_ready", {{"node", after->node}, {"reasons", join(after->not_ready_reasons)}});
  }
}

}  // namespace troupe
