// Typed configuration of a node. The defaults here are the defaults of the program; config/troupe.toml
// documents every key with its unit and cost, and a test proves that the two agree.
//
// A zero duration or size in [gossip] and [election] means "what the profile says".
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

namespace troupe {

inline constexpr std::uint64_t kib = 1024;
inline constexpr std::uint64_t mib = 1024 * kib;

struct node_config {
  std::string name;                   // default: the host's name
  std::string mode;                   // the preset it was made from; empty: the plain defaults
  std::vector<std::string> services;  // must name at least one
  std::string data_dir = "./troupe-data";
  std::uint32_t io_threads = 0;     // 0: one for each core, at most 8
  std::uint32_t actor_threads = 1;  // of the CAF scheduler
  duration drain_timeout = std::chrono::seconds(5);
  std::map<std::string, std::string> tags;
  [[nodiscard]] bool operator==(const node_config&) const = default;
};

struct cluster_config {
  std::string name = "troupe";
  std::string bind = "127.0.0.1:7070";  // address or interface name; UDP and TCP
  std::string advertise;                // default: what bind resolves to
  std::vector<std::string> seeds;       // host:port, srv:NAME, _service._proto.name
  std::string seeds_file;               // more of them, one a line, read again when it changes
  std::string dns_server;               // "ip" or "ip:port"; empty: the system's
  std::string multicast = "off";        // off | group:port
  std::uint32_t expected_members = 1;
  bool accept_joiners = true;  // false in mode `single`
  std::string secret_file;
  bool insecure = false;
  std::string split_policy = "keep_majority";  // keep_majority | static_quorum | keep_oldest | none
  std::uint32_t split_quorum = 0;              // members, for static_quorum; 0: more than half of the expected
  duration split_settle = std::chrono::seconds(2);
  std::uint64_t link_queue_max = 64 * mib;  // bytes waiting for one peer
  std::uint64_t frame_max = 4 * mib;        // one frame of the link
  duration link_idle_timeout = std::chrono::minutes(10);
  [[nodiscard]] bool operator==(const cluster_config&) const = default;
};

struct gossip_config {
  std::string profile = "lan";  // lan | wan | local | fast
  duration probe_interval{};
  duration probe_timeout{};
  duration gossip_interval{};
  duration push_pull_interval{};
  std::uint32_t indirect_probes = 0;
  std::uint32_t suspicion_mult = 0;
  std::uint32_t retransmit_mult = 0;
  [[nodiscard]] bool operator==(const gossip_config&) const = default;
};

struct election_config {
  duration lease{};
  std::int32_t priority = 0;
  bool take_over = false;
  duration hold_down = std::chrono::seconds(30);
  [[nodiscard]] bool operator==(const election_config&) const = default;
};

struct kvs_config {
  std::string type = "votes";  // votes | local_standalone | builtin | redis | memcached | etcd | postgres
  std::vector<std::string> addresses;
  std::string dsn;
  std::string password_file;
  std::uint32_t expected_members = 0;   // of the service kvs: 1, 3 or 5; 0: cluster.expected_members
  std::uint64_t memory_max = 64 * mib;  // of the service kvs, on each of its members
  [[nodiscard]] bool operator==(const kvs_config&) const = default;
};

struct http_config {
  std::string bind = "127.0.0.1:8080";
  std::uint64_t header_max = 16 * kib;
  std::uint64_t body_max = 8 * mib;
  duration header_timeout = std::chrono::seconds(10);  // from the first byte to the end of the header
  duration body_timeout = std::chrono::seconds(30);
  duration idle_timeout = std::chrono::seconds(75);  // between requests of a kept-alive connection
  std::uint32_t connections_max = 10000;
  [[nodiscard]] bool operator==(const http_config&) const = default;
};

struct resp_config {
  std::string bind = "127.0.0.1:6380";
  std::string advertise;               // host:port that cluster-aware clients are told; empty: found by the program
  std::string notify_keyspace_events;  // as Redis has it: "KEA"; empty: nothing is published
  std::uint64_t bulk_max = 512 * mib;
  std::uint64_t output_buffer_max = 256 * mib;  // replies waiting for a slow reader
  duration idle_timeout{};                      // 0: connections may idle for ever, as in Redis
  std::uint32_t connections_max = 10000;
  [[nodiscard]] bool operator==(const resp_config&) const = default;
};

struct cache_config {
  std::uint32_t shards = 256;  // 1..16384, the same on every node
  std::uint32_t replicas = 0;
  std::uint64_t memory_max = 256 * mib;
  std::uint64_t value_max = 64 * mib;
  std::string eviction = "lru";             // lru | none
  std::uint64_t copy_rate_max = 256 * mib;  // bytes a second that this node sends of shards it gives away; 0: no limit
  duration deadline = std::chrono::seconds(2);
  std::string min_availability = "primaries";        // none | primaries | full: what a departing node waits for
  duration restore_wait = std::chrono::seconds(30);  // of a leader, for members that have a lost shard on disk
  [[nodiscard]] bool operator==(const cache_config&) const = default;
};

/// A value of a [modules.NAME] block as it was written; the module reads it by the type that it wants
/// (module_settings).
struct module_value {
  std::vector<std::string> texts;  // one, or those of a list
  bool list = false;
  [[nodiscard]] bool operator==(const module_value&) const = default;
};
using module_block = std::map<std::string, module_value>;

/// Of a named cache: as many as [cache] has.
inline constexpr std::uint32_t replicas_inherited = 0xffffffff;
/// Of a named cache, the word "all": every node holds a copy for its readers, beside the copies of [cache], at least
/// one.
inline constexpr std::uint32_t replicas_everywhere = 0xfffffffe;

/// One [caches.NAME] block. The cache `default` exists without one.

struct named_cache_config {
  bool backed = false;
  std::uint32_t replicas = replicas_inherited;
  std::string consistency = "strong";  // strong | stale
  duration ttl{};                      // given to values written without one; 0: none
  bool durable = false;                // kept in a log on disk
  std::string fsync = "everysec";      // always | everysec | no: of the log
  std::uint64_t memory_max = 0;        // bytes at one node; 0: cache.memory_max alone decides
  std::uint64_t keys_max = 0;          // at one node; 0: no limit
  duration negative_ttl{};             // how long a loader's "there is none" is remembered; 0: not at all
  duration stale_for{};                // how long an expired value is given while a loader runs; 0: not at all
  std::uint64_t near_max = 0;          // bytes at each node for values of other nodes; 0: none are kept
  [[nodiscard]] bool operator==(const named_cache_config&) const = default;
};

struct db_config {
  std::string type = "sqlite";           // sqlite | postgres
  std::string dsn;                       // postgres only
  std::string password_file;             // postgres only
  std::string namespace_roles = "auto";  // auto | required | off; postgres only
  std::string migrations;                // directory of <namespace>/<dialect>/<number>_<name>.sql; empty: none
  std::uint32_t pool_threads = 2;
  std::uint32_t pool_min = 1;  // connections of one namespace, postgres only
  std::uint32_t pool_max = 8;
  duration pool_idle = std::chrono::minutes(5);         // a connection beyond pool_min that nobody used is closed
  duration health_interval = std::chrono::seconds(10);  // idle connections are asked; 0: never
  duration busy_timeout = std::chrono::seconds(5);
  std::string synchronous = "full";                          // full | normal: SQLite's PRAGMA synchronous
  std::uint64_t check_max = 1024 * mib;                      // larger SQLite files are not checked when opened
  std::uint64_t cache_size = 8 * mib;                        // of pages, for each connection to a SQLite file
  std::uint32_t queue_max = 10000;                           // jobs waiting for one namespace
  duration queue_timeout = std::chrono::seconds(1);          // longest wait for a connection
  duration slow_statement = std::chrono::milliseconds(200);  // is logged; 0: none
  [[nodiscard]] bool operator==(const db_config&) const = default;
};

struct entities_config {
  std::string model;                             // file, JSON or TOML
  std::vector<std::string> on;                   // by typeName: this node serves only these
  std::vector<std::string> off;                  // by typeName: it serves all but these
  duration deadline = std::chrono::seconds(2);   // of one request
  std::uint32_t list_max = 1000;                 // rows of one page
  std::uint32_t bulk_max = 1000;                 // rows created by one request
  duration cache_ttl = std::chrono::minutes(1);  // of a row in the cluster's cache; 0: read from the database
  bool notify = false;                           // PostgreSQL: changes by other programs reach the cache
  [[nodiscard]] bool operator==(const entities_config&) const = default;
};

struct events_config {
  std::vector<std::string> handlers;  // "member_joined|member_failed=/path", "user:deploy=/path", "query:load=/path"
  duration handler_timeout = std::chrono::seconds(30);
  std::uint32_t handlers_at_once = 4;
  std::uint32_t handler_queue_max = 256;
  [[nodiscard]] bool operator==(const events_config&) const = default;
};

struct log_config {
  std::string level = "info";   // error | warn | info | debug
  std::string format = "text";  // text | json
  std::string file;             // empty: standard error
  [[nodiscard]] bool operator==(const log_config&) const = default;
};

struct config {
  node_config node;
  cluster_config cluster;
  gossip_config gossip;
  election_config election;
  kvs_config kvs;
  http_config http;
  resp_config resp;
  cache_config cache;
  std::map<std::string, named_cache_config> caches;
  db_config db;
  entities_config entities;
  events_config events;
  std::map<std::string, module_block> modules;  // of modules that an embedder brings (module.hpp)
  log_config log;

  [[nodiscard]] bool has_service(std::string_view name) const noexcept {
    return std::find(node.services.begin(), node.services.end(), name) != node.services.end();
  }
  /// Named caches that say nothing of their copies get those of [cache].
  void inherit_replicas() {
    for (auto& [name, c] : caches) c.replicas = c.replicas == replicas_inherited ? cache.replicas : c.replicas;
  }
  /// What makes the writes of such a cache safe, whoever reads it where.
  [[nodiscard]] static constexpr std::uint32_t copies_in_sync(std::uint32_t asked, std::uint32_t usual) noexcept {
    if (asked == replicas_everywhere) return usual > 0 ? usual : 1;
    return asked == replicas_inherited ? usual : asked;
  }
  /// Copies of each shard: as many as the cache that asks for the most.
  [[nodiscard]] std::uint32_t shard_copies() const noexcept {
    std::uint32_t most = caches.contains("default") ? 0 : cache.replicas;
    for (const auto& [name, c] : caches) most = std::max(most, copies_in_sync(c.replicas, cache.replicas));
    return most;
  }
  [[nodiscard]] bool operator==(const config&) const = default;
};

/// Services that the program knows by name; embedders' modules add to them.
[[nodiscard]] const std::vector<std::string>& known_services();

/// The layers under a configuration, lowest first: defaults, mode, file, environment, flags.
struct config_sources {
  std::string mode;                                              // single | ha | scaled | kubernetes; may be empty
  std::string file;                                              // path; may be empty
  std::vector<std::pair<std::string, std::string>> environment;  // TROUPE_<SECTION>_<KEY>, value
  std::vector<std::pair<std::string, std::string>> settings;     // dotted path, value; the last one of a key wins
  std::vector<std::string> modules;                              // service names that an embedder adds
};

/// Reads and validates all layers. errc::bad_config with every fault, one a line, each with its
/// place ("file:line", the variable or the flag) and the nearest known key. Environment variables
/// that do not begin with TROUPE_ are passed over, so the whole environment may be given.
[[nodiscard]] expected<config> load_config(const config_sources& sources);

/// The rules that span keys (services named, secret outside loopback, ...), for a configuration
/// built in code; `modules` are the service names that an embedder adds. An empty list: it is sound.
/// It reads the secret file, and nothing else outside its arguments.
[[nodiscard]] std::vector<std::string> validate(const config& c, const std::vector<std::string>& modules = {});

/// The effective configuration as TOML. What load_config made, load_config reads back to an equal
/// one, but for passwords inside a DSN: they are printed as ***.
[[nodiscard]] std::string print_config(const config& c);

/// Reads a size in bytes: a whole number, alone or with KiB|MiB|GiB|TiB, "1.5GiB" where that is a
/// whole number of bytes. errc::invalid_argument otherwise, or beyond 2^63 - 1.
[[nodiscard]] expected<std::uint64_t> parse_size(std::string_view text);

/// The text that parse_size reads back to the same size, in the largest unit that divides it.
[[nodiscard]] std::string format_size(std::uint64_t bytes);

}  // namespace troupe
