// The words for the states in <troupe/cluster.hpp>, as every door writes them.
#include <troupe/cluster.hpp>
#include <troupe/event.hpp>

namespace troupe {

std::string_view name_of(member_state s) noexcept {
  switch (s) {
    case member_state::alive: return "alive";
    case member_state::suspect: return "suspect";
    case member_state::failed: return "failed";
    case member_state::departing: return "departing";
    case member_state::departed: return "departed";
  }
  return "unknown";
}

std::string_view name_of(health_status s) noexcept {
  switch (s) {
    case health_status::green: return "green";
    case health_status::yellow: return "yellow";
    case health_status::red: return "red";
  }
  return "unknown";
}

std::string_view name_of(service_state s) noexcept {
  switch (s) {
    case service_state::stopped: return "stopped";
    case service_state::starting: return "starting";
    case service_state::running: return "running";
    case service_state::degraded: return "degraded";
    case service_state::stopping: return "stopping";
    case service_state::failed: return "failed";
    case service_state::not_implemented: return "not_implemented";
    case service_state::waiting: return "waiting";
  }
  return "unknown";
}

std::string to_string(const event& e) {
  std::string line = e.kind;
  for (const auto& [key, value] : e.fields) {
    const bool quoted = value.empty() || value.find_first_of(" \"=") != std::string::npos;
    line.append(" ").append(key).append("=");
    if (!quoted) {
      line.append(value);
      continue;
    }
    line.push_back('"');
    for (const char c : value) {
      if (c == '"' || c == '\\') line.push_back('\\');
      line.push_back(c);
    }
    line.push_back('"');
  }
  return line;
}

}  // namespace troupe
