#include "gateways/resp/info_text.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>

#include <sys/resource.h>
#include <sys/utsname.h>
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

std::uint64_t count(const environment& e) { return e.connections_open.load(std::memory_order_relaxed); }

std::uint64_t system_memory() {
  return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::string fixed(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", value);
  return text;
}

void server(environment& e, time_point now, section_writer out) {
  const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(now - e.started_at).count();
  const auto wall =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch());
  const auto address = e.address();
  const auto colon = address.rfind(':');
  utsname os{};
  ::uname(&os);
  out("redis_version", compatible_version)("redis_mode", "cluster")("troupe_version", TROUPE_VERSION_STRING);
  out("os", std::string(os.sysname) + " " + os.release + " " + os.machine);
  out("arch_bits", 64)("multiplexing_api", "epoll")("process_id", static_cast<std::uint64_t>(::getpid()));
  out("run_id", run_id(e.board.read()->id));
  out("tcp_port", colon == std::string::npos ? "0" : address.substr(colon + 1));
  out("server_time_usec", static_cast<std::uint64_t>(wall.count()));
  out("uptime_in_seconds", static_cast<std::uint64_t>(uptime));
  out("uptime_in_days", static_cast<std::uint64_t>(uptime / 86400));
  out("io_threads_active", 1);
}

void clients(environment& e, section_writer out) {
  out("connected_clients", count(e))("maxclients", e.live.connections_max.load());
  out("blocked_clients", e.blocked.load())("waiting_for_keys_here", e.caches.measure().waiting)("tracking_clients", 0);
}

void memory(environment& e, section_writer out) {
  const auto usage = e.caches.measure();
  const auto resident = resident_bytes();
  const auto peak = std::max(e.memory_peak.load(), usage.bytes);
  e.memory_peak = peak;
  out("used_memory", usage.bytes)("used_memory_human", for_people(usage.bytes));
  out("used_memory_rss", resident)("used_memory_rss_human", for_people(resident));
  out("used_memory_peak", peak)("used_memory_peak_human", for_people(peak));
  out("used_memory_dataset", usage.bytes);
  out("total_system_memory", system_memory())("total_system_memory_human", for_people(system_memory()));
  out("maxmemory", usage.bytes_max)("maxmemory_human", for_people(usage.bytes_max));
  out("maxmemory_policy", name_of(usage.eviction));
  out("mem_fragmentation_ratio",
      usage.bytes == 0 ? "0.00" : fixed(static_cast<double>(resident) / static_cast<double>(usage.bytes)));
  out("mem_allocator", "libc");
}

// The log of durable caches answers for Redis' append-only file.
void persistence(environment& e, section_writer out) {
  const auto log = e.caches.measure_log();
  out("loading", 0)("async_loading", 0)("rdb_bgsave_in_progress", 0);
  out("aof_enabled", std::uint64_t{log.enabled})("aof_rewrite_in_progress", std::uint64_t{log.rewriting});
  if (!log.enabled) return;
  out("aof_last_write_status", log.failing ? "err" : "ok")("aof_current_size", log.bytes);
  out("aof_base_size", log.base_bytes)("aof_buffer_length", log.waiting_bytes)("aof_rewrites", log.rewrites);
}

void stats(environment& e, section_writer out) {
  const auto usage = e.caches.measure();
  const auto& n = e.numbers;
  out("total_connections_received", n.shown(&lane_numbers::accepted));
  out("total_commands_processed", n.shown(&lane_numbers::commands));
  out("total_net_input_bytes", n.shown(&lane_numbers::bytes_in));
  out("total_net_output_bytes", n.shown(&lane_numbers::bytes_out));
  out("rejected_connections", n.shown(&lane_numbers::refused_limit) + n.shown(&lane_numbers::refused_protected));
  out("client_output_buffer_limit_disconnections", n.shown(&lane_numbers::closed_slow));
  out("expired_keys", usage.expired)("evicted_keys", usage.evicted);
  out("keyspace_hits", n.shown(&lane_numbers::hits))("keyspace_misses", n.shown(&lane_numbers::misses));
  out("pubsub_channels", e.channels->names(pubsub::topic_kind::channel).size());
  out("pubsub_patterns", e.channels->names(pubsub::topic_kind::pattern).size());
  out("pubsubshard_channels", e.channels->names(pubsub::topic_kind::shard_channel).size());
  out("total_error_replies", n.shown(&lane_numbers::errors));
}

void replication(section_writer out) { out("role", "master")("connected_slaves", 0); }

void cpu(section_writer out) {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  out("used_cpu_sys", seconds_of(used.ru_stime))("used_cpu_user", seconds_of(used.ru_utime));
}

void command_stats(environment& e, section_writer out) {
  const auto numbers = e.numbers.commands_shown();
  for (const auto& row : all_commands()) {
    const auto& n = numbers[index_of(row)];
    if (n.calls + n.rejected == 0) continue;
    const double each = n.calls == 0 ? 0 : static_cast<double>(n.nanoseconds) / 1000 / static_cast<double>(n.calls);
    out("cmdstat_" + std::string(row.name),
        "calls=" + std::to_string(n.calls) + ",usec=" + std::to_string(n.nanoseconds / 1000) +
            ",usec_per_call=" + fixed(each) + ",rejected_calls=" + std::to_string(n.rejected) +
            ",failed_calls=" + std::to_string(n.failed));
  }
}

void error_stats(environment& e, section_writer out) {
  for (const auto& [kind, times] : e.numbers.errors_shown()) out("errorstat_" + kind, "count=" + std::to_string(times));
}

// What cluster-aware clients look for; the troupe_ lines tell what is behind.
void cluster(environment& e, section_writer out) {
  const auto view = e.board.read();
  out("cluster_enabled", 1)("troupe_cluster", view->cluster)("troupe_node", view->node);
  out("troupe_members", view->members.size())("troupe_health", name_of(view->health.status));
  out("troupe_leader", view->leader_now ? view->leader_now->name : std::string());
  out("troupe_term", view->leader_now ? view->leader_now->term : 0);
}

void keyspace(environment& e, section_writer out) {
  const auto usage = e.caches.measure();
  if (usage.keys != 0)
    out("db0", "keys=" + std::to_string(usage.keys) + ",expires=" + std::to_string(usage.expiring) + ",avg_ttl=0");
}

}  // namespace

std::string run_id(const incarnation_id& id) {
  auto text = to_string(id);
  text.resize(run_id_letters, '0');
  return text;
}

std::string info_text(environment& e, const std::vector<std::string_view>& sections, time_point now) {
  const auto asked = [&](std::string_view name) {
    return std::any_of(sections.begin(), sections.end(), [&](std::string_view s) { return same_word(s, name); });
  };
  const bool all = asked("all") || asked("everything");
  const bool usual = sections.empty() || all || asked("default");
  std::string text;
  const auto section = [&](std::string_view name, std::string_view title, bool of_usual, const auto& write) {
    if (!asked(name) && !(of_usual ? usual : all)) return;
    if (!text.empty()) text += "\r\n";
    text.append("# ").append(title).append("\r\n");
    write(section_writer(text));
  };
  section("server", "Server", true, [&](section_writer out) { server(e, now, out); });
  section("clients", "Clients", true, [&](section_writer out) { clients(e, out); });
  section("memory", "Memory", true, [&](section_writer out) { memory(e, out); });
  section("persistence", "Persistence", true, [&](section_writer out) { persistence(e, out); });
  section("stats", "Stats", true, [&](section_writer out) { stats(e, out); });
  section("replication", "Replication", true, [&](section_writer out) { replication(out); });
  section("cpu", "CPU", true, [&](section_writer out) { cpu(out); });
  section("modules", "Modules", true, [&](section_writer) {});
  section("commandstats", "Commandstats", false, [&](section_writer out) { command_stats(e, out); });
  section("errorstats", "Errorstats", true, [&](section_writer out) { error_stats(e, out); });
  section("cluster", "Cluster", true, [&](section_writer out) { cluster(e, out); });
  section("keyspace", "Keyspace", true, [&](section_writer out) { keyspace(e, out); });
  return text;
}

}  // namespace troupe::resp
