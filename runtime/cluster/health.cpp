#include "runtime/cluster/health.hpp"

#include <algorithm>

namespace troupe {

namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

health_check check_of(std::string name, std::string fault) {
  return {std::move(name), fault.empty(), std::move(fault)};
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text.append(text.empty() ? "" : ", ").append(word);
  return text;
}

std::string shards_fault(const cluster_health& h) {
  std::string fault;
  if (h.missing_primaries > 0) fault = std::to_string(h.missing_primaries) + " shards without a primary";
  if (h.under_replicated > 0) {
    fault.append(fault.empty() ? "" : ", ").append(std::to_string(h.under_replicated) + " shards miss a replica");
  }
  return fault;
}

}  // namespace

cluster_health judge_health(const cluster_view& view, std::uint32_t wanted_replicas, const local_conditions& here) {
  cluster_health h;
  for (const auto& shard : view.shards) {
    if (shard.primary.empty()) {
      ++h.missing_primaries;
      continue;
    }
    const auto in_sync = std::count_if(shard.in_sync.begin(), shard.in_sync.end(),
                                       [&](const std::string& name) { return name != shard.primary; });
    if (in_sync < static_cast<std::ptrdiff_t>(wanted_replicas)) ++h.under_replicated;
  }
  std::string shards = view.shards.empty() ? "no shard table yet" : shards_fault(h);
  h.checks.push_back(check_of("leader", view.leader_now ? "" : "no leader is known"));
  h.checks.push_back(check_of("split", view.cut_off));
  h.checks.push_back(check_of("shards", std::move(shards)));
  if (here.database_wanted) h.checks.push_back(check_of("database", here.database_fault));
  if (here.database_wanted && here.database_fault.empty()) h.checks.back().detail = here.database_note;
  if (here.log_wanted) h.checks.push_back(check_of("durability", here.log_fault));
  h.checks.push_back(check_of("actors", join(here.failed_actors)));

  const bool all_pass = std::all_of(h.checks.begin(), h.checks.end(), [](const auto& c) { return c.passed; });
  if (view.shards.empty() || h.missing_primaries > 0) {
    h.status = health_status::red;
  } else {
    h.status = all_pass ? health_status::green : health_status::yellow;
  }
  return h;
}

void judge_readiness(cluster_view& view, const local_conditions& here) {
  auto& reasons = view.not_ready_reasons;
  reasons.clear();
  if (here.leaving) reasons.emplace_back("the node is leaving");
  if (!view.cut_off.empty()) reasons.push_back("cut off from the cluster: this node " + view.cut_off);
  if (!view.leader_now) reasons.emplace_back("no leader is known");
  if (view.pid == 0) reasons.emplace_back("the leader has not given this node a PID");
  if (here.serves_data) {
    const auto catching_up = std::count_if(view.shards.begin(), view.shards.end(), [&](const shard_placement& s) {
      const bool holds = s.primary == view.node || contains(s.replicas, view.node);
      return holds && !contains(s.in_sync, view.node);
    });
    if (view.shards.empty()) reasons.emplace_back("no shard table yet");
    if (catching_up > 0 && !here.was_ready)
      reasons.push_back(std::to_string(catching_up) + " shards are not in sync yet");
  }
  if (here.database_wanted && !here.database_fault.empty()) reasons.push_back("database: " + here.database_fault);
  if (here.log_wanted && !here.log_fault.empty()) reasons.push_back("the log of durable caches: " + here.log_fault);
  for (const auto& missing : here.modules_missing) reasons.push_back("module " + missing);
  view.ready = reasons.empty();
}

}  // namespace troupe
