#include "gateways/resp/info_text.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>

#include <sys/resource.h>
#include <unistd.h>

#include <troupe/version.hpp>

#include "gateways/resp/command_table.hpp"
#include "gateways/resp/compatibility.hpp"

namespace troupe::resp {

namespace {

class section_writer {
 public:
  explicit section_writer(std::string& out) : out_(out) {}

  section_writer& operator()(std::string_view key, std::string_view value) {
    out_.append(key).append(":").append(value).append("\r\n");
    return *this;
  }
  section_writer& operator()(std::string_view key, std::uint64_t value) { return (*this)(key, std::to_string(value)); }

 private:
  std::string& out_;
};

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t all = 0;
  std::uint64_t resident = 0;
  file >> all >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::string seconds_of(const timeval& t) {
  auto micros = std::to_string(t.tv_usec);
  return std::to_string(t.tv_sec) + "." + std::string(6 - std::min<std::size_t>(6, micros.size()), '0') + micros;
}

std::string for_people(std::uint64_t bytes) {
  constexpr std::string_view units = "KMGT";
  if (bytes < kib) return std::to_string(bytes) + "B";
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (value /= kib; value >= kib && unit + 1 < units.size(); value /= kib) ++unit;
  char text[32];
  std::snprintf(text, sizeof text, "%.2f%c", value, units[unit]);
  return text;
}

void server(const environment& e, time_point now, section_writer out) {
  const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(now - e.started_at).count();
  const auto address = e.address();
  const auto colon = address.rfind(':');
  out("redis_version", compatible_version)("redis_mode", "standalone")("troupe_version", TROUPE_VERSION_STRING);
  out("arch_bits", 64)("multiplexing_api", "epoll")("process_id", static_cast<std::uint64_t>(::getpid()));
  out("tcp_port", colon == std::string::npos ? "0" : address.substr(colon + 1));
  out("uptime_in_seconds", static_cast<std::uint64_t>(uptime));
  out("uptime_in_days", static_cast<std::uint64_t>(uptime / 86400));
  out("io_threads_active", 1);
}

void clients(const environment& e, section_writer out) {
  out("connected_clients", e.connections_open.load(std::memory_order_relaxed))("maxclients",
                                                                               e.settings.resp.connections_max);
  out("blocked_clients", 0);
}

void memory(const environment& e, section_writer out) {
  const auto usage = e.caches.measure();
  const auto resident = resident_bytes();
  out("used_memory", usage.bytes)("used_memory_human", for_people(usage.bytes));
  out("used_memory_rss", resident)("used_memory_rss_human", for_people(resident));
  out("maxmemory", usage.bytes_max)("maxmemory_human", for_people(usage.bytes_max));
  out("maxmemory_policy", e.settings.cache.eviction == "lru" ? "allkeys-lru" : "noeviction");
}

void persistence(section_writer out) { out("loading", 0)("aof_enabled", 0); }

void stats(const environment& e, section_writer out) {
  const auto usage = e.caches.measure();
  const auto& n = e.numbers;
  out("total_connections_received", n.sum(&lane_numbers::accepted));
  out("total_commands_processed", n.sum(&lane_numbers::commands));
  out("total_net_input_bytes", n.sum(&lane_numbers::bytes_in));
  out("total_net_output_bytes", n.sum(&lane_numbers::bytes_out));
  out("rejected_connections", n.sum(&lane_numbers::refused_limit) + n.sum(&lane_numbers::refused_protected));
  out("client_output_buffer_limit_disconnections", n.sum(&lane_numbers::closed_slow));
  out("expired_keys", usage.expired)("evicted_keys", usage.evicted);
  out("keyspace_hits", n.sum(&lane_numbers::hits))("keyspace_misses", n.sum(&lane_numbers::misses));
}

void replication(section_writer out) { out("role", "master")("connected_slaves", 0); }

void cpu(section_writer out) {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  out("used_cpu_sys", seconds_of(used.ru_stime))("used_cpu_user", seconds_of(used.ru_utime));
}

// A plain client is forwarded, so to it this is one server; the troupe_ lines tell what is behind.
void cluster(const environment& e, section_writer out) {
  const auto view = e.board.read();
  out("cluster_enabled", 0)("troupe_cluster", view->cluster)("troupe_node", view->node);
  out("troupe_members", view->members.size())("troupe_health", name_of(view->health.status));
  out("troupe_leader", view->leader_now ? view->leader_now->name : std::string());
  out("troupe_term", view->leader_now ? view->leader_now->term : 0);
}

void keyspace(const environment& e, section_writer out) {
  const auto keys = e.caches.measure().keys;
  if (keys != 0) out("db0", "keys=" + std::to_string(keys) + ",expires=0,avg_ttl=0");
}

}  // namespace

std::string info_text(const environment& e, const std::vector<std::string_view>& sections, time_point now) {
  const auto wanted = [&](std::string_view name) {
    return sections.empty() || std::any_of(sections.begin(), sections.end(), [&](std::string_view asked) {
             return same_word(asked, name) || same_word(asked, "default") || same_word(asked, "all") ||
                    same_word(asked, "everything");
           });
  };
  std::string text;
  const auto section = [&](std::string_view name, std::string_view title, const auto& write) {
    if (!wanted(name)) return;
    if (!text.empty()) text += "\r\n";
    text.append("# ").append(title).append("\r\n");
    write(section_writer(text));
  };
  section("server", "Server", [&](section_writer out) { server(e, now, out); });
  section("clients", "Clients", [&](section_writer out) { clients(e, out); });
  section("memory", "Memory", [&](section_writer out) { memory(e, out); });
  section("persistence", "Persistence", [&](section_writer out) { persistence(out); });
  section("stats", "Stats", [&](section_writer out) { stats(e, out); });
  section("replication", "Replication", [&](section_writer out) { replication(out); });
  section("cpu", "CPU", [&](section_writer out) { cpu(out); });
  section("cluster", "Cluster", [&](section_writer out) { cluster(e, out); });
  section("keyspace", "Keyspace", [&](section_writer out) { keyspace(e, out); });
  return text;
}

}  // namespace troupe::resp
