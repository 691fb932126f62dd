// The picture of the cluster as JSON, member names as the API description says. term and pid are
// numbers, states lower-case words, ids 32 hexadecimal digits, times RFC 3339 UTC with milliseconds.
#pragma once

#include <string>

#include <troupe/cluster.hpp>
#include <troupe/event.hpp>

namespace troupe {

/// "2026-01-31T23:59:59.123Z"
[[nodiscard]] std::string format_time(wall_time t);

[[nodiscard]] std::string cluster_json(const cluster_view& v);
/// One row a name: the newest incarnation.
[[nodiscard]] std::string members_json(const cluster_view& v);
[[nodiscard]] std::string forcing_json(const std::string& name);
/// Of a view that has a leader.
[[nodiscard]] std::string leader_json(const cluster_view& v);
[[nodiscard]] std::string health_json(const cluster_health& h);
[[nodiscard]] std::string shards_json(const cluster_view& v);
[[nodiscard]] std::string services_json(const cluster_view& v);
/// Locks, semaphores and roles.
[[nodiscard]] std::string locks_json(const cluster_view& v);
/// {"ready": bool, "reasons": [...]}
[[nodiscard]] std::string readiness_json(const cluster_view& v);
/// On one line, for a server-sent event.
[[nodiscard]] std::string event_json(const event& e);

}  // namespace troupe
