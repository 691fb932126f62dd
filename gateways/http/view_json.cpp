#include "gateways/http/view_json.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <map>
#include <tuple>

#include <nlohmann/json.hpp>

namespace troupe {

namespace {

using json = nlohmann::ordered_json;

// Bytes that are not UTF-8 (a name, a reason) are replaced, never thrown about.
std::string text_of(const json& j) { return j.dump(-1, ' ', false, json::error_handler_t::replace); }

std::string line_of(const json& j) { return text_of(j) + "\n"; }

json leader_object(const leader& l) {
  json j = {{"name", l.name}, {"pid", l.pid}, {"term", l.term}, {"fenced", l.fenced}};
  if (!l.fenced) j["fenced_reason"] = l.fenced_reason;
  j["since"] = format_time(l.since);
  j["id"] = to_string(l.id);
  j["change"] = l.change;
  return j;
}

bool gone(const member& m) { return m.state == member_state::failed || m.state == member_state::departed; }

// Of two incarnations of one member the living one is newer, then the later one.
bool newer(const member& a, const member& b) {
  return std::tuple(!gone(a), a.since, a.pid, a.id) > std::tuple(!gone(b), b.since, b.pid, b.id);
}

std::map<std::string, const member*> newest_by_name(const cluster_view& v) {
  std::map<std::string, const member*> rows;
  for (const auto& m : v.members) {
    auto& row = rows[m.name];
    if (row == nullptr || newer(m, *row)) row = &m;
  }
  return rows;
}

json counts_object(const cluster_view& v) {
  const auto members = newest_by_name(v);
  const auto count = [&](member_state s) {
    return std::count_if(members.begin(), members.end(), [&](const auto& row) { return row.second->state == s; });
  };
  return {{"members", members.size()},
          {"alive", count(member_state::alive)},
          {"suspect", count(member_state::suspect)},
          {"failed", count(member_state::failed)},
          {"departing", count(member_state::departing)},
          {"departed", count(member_state::departed)},
          {"shards", v.shards.size()},
          {"missing_primaries", v.health.missing_primaries},
          {"under_replicated", v.health.under_replicated},
          {"services", v.services.size()}};
}

}  // namespace

std::string format_time(wall_time t) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(t);
  const std::time_t whole = std::chrono::system_clock::to_time_t(seconds);
  std::tm parts{};
  gmtime_r(&whole, &parts);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900, parts.tm_mon + 1,
                parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<int>((t - seconds) / std::chrono::milliseconds(1)));
  return text;
}

std::string cluster_json(const cluster_view& v) {
  json j = {{"name", v.cluster}, {"node", v.node}, {"id", to_string(v.id)}, {"pid", v.pid}};
  j["leader"] = v.leader_now ? json(v.leader_now->name) : json();
  j["term"] = v.leader_now ? v.leader_now->term : 0;
  j["fenced"] = v.leader_now && v.leader_now->fenced;
  if (v.leader_now && !v.leader_now->fenced) j["fenced_reason"] = v.leader_now->fenced_reason;
  j["health"] = name_of(v.health.status);
  j["counts"] = counts_object(v);
  for (const auto& s : v.services) {
    if (s.name != "kvs" || s.state == service_state::stopped || s.state == service_state::not_implemented) continue;
    j["leader_store"] = {{"state", name_of(s.state)}};
    if (!s.reason.empty()) j["leader_store"]["reason"] = s.reason;
  }
  if (!v.cut_off.empty()) j["cut_off"] = v.cut_off;
  j["ready"] = v.ready;
  return line_of(j);
}

std::string members_json(const cluster_view& v) {
  json rows = json::array();
  for (const auto& [name, m] : newest_by_name(v)) {
    rows.push_back({{"name", m->name},
                    {"id", to_string(m->id)},
                    {"pid", m->pid},
                    {"state", name_of(m->state)},
                    {"incarnation", m->incarnation},
                    {"address", m->address},
                    {"services", m->services},
                    {"tags", m->tags},
                    {"since", format_time(m->since)},
                    {"flaps", m->flaps},
                    {"quarantined", m->quarantined},
                    {"protocol", m->protocol}});
  }
  return line_of(rows);
}

std::string forcing_json(const std::string& name) { return line_of({{"forcing", name}}); }

std::string leader_json(const cluster_view& v) {
  json j = leader_object(*v.leader_now);
  if (const auto& last = v.last_leader) {
    j["last_leader"] = {
        {"name", last->name}, {"term", last->term}, {"reason", last->reason}, {"at", format_time(last->at)}};
  }
  return line_of(j);
}

std::string health_json(const cluster_health& h) {
  json checks = json::array();
  for (const auto& c : h.checks) checks.push_back({{"name", c.name}, {"passed", c.passed}, {"detail", c.detail}});
  return line_of({{"status", name_of(h.status)},
                  {"missing_primaries", h.missing_primaries},
                  {"under_replicated", h.under_replicated},
                  {"checks", checks}});
}

std::string shards_json(const cluster_view& v) {
  json rows = json::array();
  for (const auto& s : v.shards) {
    rows.push_back({{"shard", s.shard},
                    {"primary", s.primary.empty() ? json() : json(s.primary)},
                    {"replicas", s.replicas},
                    {"in_sync", s.in_sync},
                    {"epoch", s.epoch}});
  }
  return line_of(rows);
}

std::string services_json(const cluster_view& v) {
  json rows = json::array();
  for (const auto& s : v.services) {
    rows.push_back({{"name", s.name}, {"state", name_of(s.state)}, {"reason", s.reason}, {"nodes", s.nodes}});
  }
  return line_of(rows);
}

std::string locks_json(const cluster_view& v) {
  json rows = json::array();
  for (const auto& row : v.locks) {
    json holders = json::array();
    for (const auto& h : row.holders) {
      const auto ttl = std::chrono::duration_cast<std::chrono::milliseconds>(h.ttl).count();
      holders.push_back({{"member", h.member}, {"token", h.token}, {"ttl_ms", ttl}});
    }
    rows.push_back({{"kind", name_of(row.kind)}, {"name", row.name}, {"permits", row.permits}, {"holders", holders}});
  }
  return line_of(rows);
}

std::string readiness_json(const cluster_view& v) {
  return line_of({{"ready", v.ready}, {"reasons", v.not_ready_reasons}});
}

std::string event_json(const event& e) {
  json fields = json::object();
  for (const auto& [key, value] : e.fields) fields[key] = value;
  return text_of({{"sequence", e.sequence}, {"time", format_time(e.time)}, {"kind", e.kind}, {"fields", fields}});
}

}  // namespace troupe
