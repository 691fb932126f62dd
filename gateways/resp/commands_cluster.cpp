// CLUSTER: where slots are served, so that cluster-aware clients go straight there. Whoever does not is forwarded: no
// command is ever answered with MOVED or ASK.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "gateways/resp/cluster_map.hpp"
#include "gateways/resp/commands.hpp"
#include "gateways/resp/connection.hpp"
#include "gateways/resp/info_text.hpp"
#include "runtime/sharding/slot.hpp"

namespace troupe::resp {

namespace {

void reply_ok(connection& c) {
  c.reply([](reply_writer& w) { w.ok(); });
}

std::string node_line(const cluster_node& n, std::uint64_t epoch) {
  const auto host = n.host.find(':') == std::string::npos ? n.host : "[" + n.host + "]";
  std::string line = n.id + " " + host + ":" + std::to_string(n.port) + "@" + std::to_string(n.bus_port) + " ";
  line.append(n.me ? "myself," : "").append("master").append(n.suspect ? ",fail?" : "");
  line.append(" - 0 0 ").append(std::to_string(epoch)).append(" connected");
  for (const auto& r : n.slots) {
    line.append(" ").append(std::to_string(r.first));
    if (r.last != r.first) line.append("-").append(std::to_string(r.last));
  }
  return line;
}

}  // namespace

void run_asking(connection& c, const arguments&) { reply_ok(c); }

void run_readonly(connection& c, const arguments&) { reply_ok(c); }

void run_readwrite(connection& c, const arguments&) { reply_ok(c); }

void run_cluster_info(connection& c, const arguments&) {
  const auto map = map_of(c.shared());
  std::size_t serving = 0;
  std::size_t doubtful = 0;
  for (const auto& n : map.nodes) {
    serving += n.slots.empty() ? 0 : 1;
    doubtful += n.suspect ? 1 : 0;
  }
  std::string text;
  const auto line = [&](std::string_view key, const std::string& value) {
    text.append(key).append(":").append(value).append("\r\n");
  };
  line("cluster_enabled", "1");
  line("cluster_state", map.complete() ? "ok" : "fail");
  line("cluster_slots_assigned", std::to_string(map.slots_assigned));
  line("cluster_slots_ok", std::to_string(map.slots_assigned));
  line("cluster_slots_pfail", "0");
  line("cluster_slots_fail", "0");
  line("cluster_known_nodes", std::to_string(map.nodes.size()));
  line("cluster_size", std::to_string(serving));
  line("cluster_current_epoch", std::to_string(map.epoch));
  line("cluster_my_epoch", std::to_string(map.epoch));
  line("troupe_suspect_nodes", std::to_string(doubtful));
  c.reply([&](reply_writer& w) { w.verbatim(text); });
}

void run_cluster_keyslot(connection& c, const arguments& words) {
  c.reply([&](reply_writer& w) { w.integer(slot_of(words[2])); });
}

// The links of a node are shown by its metrics (troupe_link_*).
void run_cluster_links(connection& c, const arguments&) {
  c.reply([](reply_writer& w) { w.array(0); });
}

void run_cluster_myid(connection& c, const arguments&) {
  c.reply([&](reply_writer& w) { w.bulk(run_id(c.shared().board.read()->id)); });
}

void run_cluster_nodes(connection& c, const arguments&) {
  const auto map = map_of(c.shared());
  std::string text;
  for (const auto& n : map.nodes) text.append(node_line(n, map.epoch)).append("\n");
  c.reply([&](reply_writer& w) { w.verbatim(text); });
}

void run_cluster_replicas(connection& c, const arguments& words) {
  const auto map = map_of(c.shared());
  for (const auto& n : map.nodes) {
    if (n.id == words[2]) return c.reply([](reply_writer& w) { w.array(0); });
  }
  c.reply_error("ERR Unknown node " + std::string(words[2]));
}

void run_cluster_reset(connection& c, const arguments&) {
  c.reply_error("ERR CLUSTER RESET is not offered: a node leaves its cluster by `troupe leave`");
}

void run_cluster_shards(connection& c, const arguments&) {
  const auto map = map_of(c.shared());
  c.reply([&](reply_writer& w) {
    w.array(map.nodes.size());
    for (const auto& n : map.nodes) {
      w.map(2);
      w.bulk("slots"), w.array(n.slots.size() * 2);
      for (const auto& r : n.slots) w.integer(r.first), w.integer(r.last);
      w.bulk("nodes"), w.array(1), w.map(7);
      w.bulk("id"), w.bulk(n.id);
      w.bulk("port"), w.integer(n.port);
      w.bulk("ip"), w.bulk(n.host);
      w.bulk("endpoint"), w.bulk(n.host);
      w.bulk("role"), w.bulk("master");
      w.bulk("replication-offset"), w.integer(0);
      w.bulk("health"), w.bulk(n.suspect ? "fail" : "online");
    }
  });
}

void run_cluster_slots(connection& c, const arguments&) {
  const auto map = map_of(c.shared());
  std::vector<std::pair<slot_range, const cluster_node*>> rows;
  for (const auto& n : map.nodes) {
    for (const auto& r : n.slots) rows.emplace_back(r, &n);
  }
  std::sort(rows.begin(), rows.end());
  c.reply([&](reply_writer& w) {
    w.array(rows.size());
    for (const auto& [range, n] : rows) {
      w.array(3);
      w.integer(range.first);
      w.integer(range.last);
      w.array(4);
      w.bulk(n->host);
      w.integer(n->port);
      w.bulk(n->id);
      w.array(0);
    }
  });
}

}  // namespace troupe::resp
