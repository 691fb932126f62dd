#include "config/rules.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include "config/endpoint.hpp"
#include "config/event_handler.hpp"
#include "config/file.hpp"
#include "config/text.hpp"
#include "config/value.hpp"

namespace troupe {
namespace {

constexpr duration outside_store_lease_min = std::chrono::seconds(3);
constexpr std::size_t secret_bytes_max = 64 * kib;
constexpr std::size_t tags_max = 16;
constexpr std::size_t tag_value_max = 128;
constexpr std::size_t caches_max = 256;
constexpr std::size_t modules_max = 64;
constexpr std::size_t module_keys_max = 256;

class rules {
 public:
  rules(const config& c, const string_list& modules) : c_(c), modules_(modules) {}

  std::vector<broken_rule> check() {
    check_values();
    check_node();
    check_services();
    check_cluster();
    check_gossip();
    check_stores();
    check_doors();
    check_resp();
    check_caches();
    check_entities();
    check_events();
    check_modules();
    return std::move(broken_);
  }

 private:
  void broken(std::string path, std::string text) { broken_.push_back({std::move(path), std::move(text)}); }

  void check_value_of(const key& k, config& copy, const std::string& block) {
    verdict wrong = check_value(k, k.in(copy, block));
    if (!wrong.empty()) broken(path_of(k, block), std::move(wrong));
  }

  void check_values() {
    config copy = c_;  // the table hands out fields to write to
    for (auto& [name, cache] : copy.caches) {
      if (cache.replicas == replicas_inherited) cache.replicas = 0;  // what it inherits is checked where it stands
    }
    for (const key& k : keys()) {
      if (k.section != caches_section) {
        check_value_of(k, copy, {});
        continue;
      }
      for (const auto& [block, unused] : c_.caches) check_value_of(k, copy, block);
    }
  }

  void check_node() {
    if (!c_.node.name.empty() && !is_name(c_.node.name, "._-")) {
      broken("node.name", "has 1 to 64 letters, digits, . _ or -, is " + in_quotes(c_.node.name));
    }
    if (c_.node.data_dir.empty()) broken("node.data_dir", "must name a directory");
    if (c_.node.tags.size() > tags_max) broken("node.tags", "has more than " + std::to_string(tags_max) + " tags");
    for (const auto& [tag, value] : c_.node.tags) {
      if (!is_name(tag, "._-"))
        broken("node.tags", "a tag has 1 to 64 letters, digits, . _ or -, is " + in_quotes(tag));
      if (value.size() > tag_value_max) {
        broken("node.tags",
               "the value of " + in_quotes(tag) + " has more than " + std::to_string(tag_value_max) + " bytes");
      }
    }
  }

  void check_services() {
    string_list available = known_services();
    available.insert(available.end(), modules_.begin(), modules_.end());
    if (c_.node.services.empty()) {
      broken("node.services", "names none, and a node runs only what it is told; available: " + joined(available));
    }
    for (const std::string& service : c_.node.services) {
      if (std::find(available.begin(), available.end(), service) != available.end()) continue;
      broken("node.services", "unknown service " + in_quotes(service) + did_you_mean(service, available) +
                                  "; available: " + joined(available));
    }
  }

  /// `any_port`: 0 means that one is picked.
  void check_dialled(const char* path, const std::string& text, bool any_port) {
    const auto e = parse_endpoint(text);
    if (!e || !(is_address(e->host) || is_host_name(e->host))) {
      broken(path, in_quotes(text) + " is not host:port (an address, [v6] or a host name)");
    } else if (is_wildcard(e->host)) {
      broken(path, in_quotes(text) + " is no address that others can reach");
    } else if (e->port == 0 && !any_port) {
      broken(path, in_quotes(text) + " needs a port from 1 to 65535");
    }
  }

  void check_cluster() {
    if (!is_name(c_.cluster.name, "._-")) {
      broken("cluster.name", "has 1 to 64 letters, digits, . _ or -, is " + in_quotes(c_.cluster.name));
    }
    if (!c_.cluster.advertise.empty()) check_dialled("cluster.advertise", c_.cluster.advertise, true);
    for (const std::string& seed : c_.cluster.seeds) check_seed(seed);
    check_dns_server();
    check_multicast();
    check_secret("cluster.secret_file", c_.cluster.secret_file);
    const auto bind = parse_endpoint(c_.cluster.bind);
    if (bind && !is_loopback(bind->host) && c_.cluster.secret_file.empty() && !c_.cluster.insecure) {
      broken("cluster.bind", in_quotes(c_.cluster.bind) +
                                 " is outside loopback: set cluster.secret_file, or cluster.insecure = true to let "
                                 "anyone join");
    }
    if (c_.cluster.link_queue_max < c_.cluster.frame_max) {
      broken("cluster.link_queue_max", "is below cluster.frame_max: the largest frame could never be sent");
    }
  }

  void check_seed(const std::string& seed) {
    constexpr std::string_view mark = "srv:";
    const bool marked = seed.starts_with(mark);
    if (!marked && !(seed.starts_with('_') && seed.find(':') == std::string::npos)) {
      return check_dialled("cluster.seeds", seed, false);
    }
    std::string name = seed.substr(marked ? mark.size() : 0);
    if (name.ends_with('.')) name.pop_back();
    if (!is_host_name(name)) broken("cluster.seeds", in_quotes(seed) + " names no DNS service record");
  }

  void check_dns_server() {
    const std::string& server = c_.cluster.dns_server;
    if (server.empty() || is_address(server)) return;
    const auto e = parse_endpoint(server);
    if (e && is_address(e->host) && e->port != 0) return;
    broken("cluster.dns_server", in_quotes(server) + " is neither an address nor address:port");
  }

  void check_multicast() {
    const std::string& group = c_.cluster.multicast;
    if (group == "off") return;
    const auto e = parse_endpoint(group);
    if (!e || !is_multicast_v4(e->host) || e->port == 0) {
      broken("cluster.multicast", in_quotes(group) + " is neither off nor group:port (224.0.0.0 to 239.255.255.255)");
    } else if (c_.cluster.expected_members == 1 && c_.cluster.seeds.empty() && c_.cluster.seeds_file.empty()) {
      broken("cluster.multicast", "needs cluster.expected_members above 1, or seeds: nobody could know who founds");
    }
  }

  void check_secret(const char* path, const std::string& file) {
    if (file.empty()) return;
    const auto bytes = read_file(file, secret_bytes_max);
    if (!bytes) {
      broken(path, in_quotes(file) + " " + bytes.error().context);
    } else if (bytes->find_first_not_of(" \t\r\n") == std::string::npos) {
      broken(path, in_quotes(file) + " is empty");
    }
  }

  void check_gossip() {
    const gossip_config& g = c_.gossip;
    const bool both_set = g.probe_interval != duration::zero() && g.probe_timeout != duration::zero();
    if (both_set && g.probe_timeout >= g.probe_interval) {
      broken("gossip.probe_timeout", "must be below gossip.probe_interval");
    }
  }

  void check_stores() {
    const std::string& type = c_.kvs.type;
    const bool dials = type == "redis" || type == "memcached" || type == "etcd";
    if (dials && c_.kvs.addresses.empty()) broken("kvs.addresses", "is needed with kvs.type " + type);
    for (const auto& address : c_.kvs.addresses) check_dialled("kvs.addresses", address, false);
    if (type == "memcached" && c_.kvs.addresses.size() > 1) {
      broken("kvs.addresses", "is one with memcached: several servers know nothing of each other");
    }
    if (type == "postgres" && c_.kvs.dsn.empty()) broken("kvs.dsn", "is needed with kvs.type postgres");
    if (type == "local_standalone" && c_.cluster.expected_members > 1) {
      broken("kvs.type", "local_standalone leads one node, and cluster.expected_members is " +
                             std::to_string(c_.cluster.expected_members) + ": use votes");
    }
    const duration lease = c_.election.lease;
    if ((dials || type == "postgres") && lease != duration::zero() && lease < outside_store_lease_min) {
      broken("election.lease", "must be at least " + format_duration(outside_store_lease_min) +
                                   " with the outside store " + type + ", is " + format_duration(lease));
    }
    check_secret("kvs.password_file", c_.kvs.password_file);
    check_kvs_members();
    check_database();
  }

  void check_database() {
    if (c_.db.type == "postgres" && c_.db.dsn.empty()) broken("db.dsn", "is needed with db.type postgres");
    if (c_.db.type == "postgres") check_secret("db.password_file", c_.db.password_file);
    if (c_.db.pool_min > c_.db.pool_max) {
      broken("db.pool_min",
             "is " + std::to_string(c_.db.pool_min) + ", above db.pool_max, " + std::to_string(c_.db.pool_max));
    }
  }

  void check_kvs_members() {
    if (!c_.has_service("kvs") && c_.kvs.type != "builtin") return;
    const auto own = c_.kvs.expected_members;
    const auto members = own != 0 ? own : c_.cluster.expected_members;
    if (members != 1 && members != 3 && members != 5) {
      broken("kvs.expected_members", "must be 1, 3 or 5" + (own != 0 ? ", is " + std::to_string(own)
                                                                     : ", and cluster.expected_members is " +
                                                                           std::to_string(members) + ": set it"));
    } else if (members > c_.cluster.expected_members) {
      broken("kvs.expected_members",
             "is above cluster.expected_members, " + std::to_string(c_.cluster.expected_members));
    } else if (!c_.has_service("kvs") && members == c_.cluster.expected_members) {
      broken("node.services", "needs kvs: kvs.type builtin with as many kvs members as cluster members");
    }
  }

  void check_doors() {
    struct door {
      const char* path;
      const std::string& bind;
      bool opens;
    };
    const std::array<door, 3> doors = {{{"cluster.bind", c_.cluster.bind, true},
                                        {"http.bind", c_.http.bind, c_.has_service("http")},
                                        {"resp.bind", c_.resp.bind, c_.has_service("resp")}}};
    for (const door& d : doors) {
      const auto e = parse_endpoint(d.bind);
      if (e && (is_address(e->host) || is_interface_name(e->host))) continue;
      broken(d.path,
             in_quotes(d.bind) + " is not host:port (an address, [v6] or an interface such as eth0; port 0 to 65535)");
    }
    for (std::size_t i = 0; i < doors.size(); ++i) {
      for (std::size_t j = i + 1; j < doors.size(); ++j) {
        if (doors[i].opens && doors[j].opens && clash(doors[i].bind, doors[j].bind)) {
          broken(doors[j].path, in_quotes(doors[j].bind) + " is taken by " + doors[i].path);
        }
      }
    }
  }

  void check_resp() {
    const auto& resp = c_.resp;
    if (!resp.advertise.empty()) check_dialled("resp.advertise", resp.advertise, true);
    if (resp.notify_keyspace_events.find_first_not_of("AKEg$lshzxetdnm") != std::string::npos)
      broken("resp.notify_keyspace_events",
             in_quotes(resp.notify_keyspace_events) + " has letters that are none of AKEg$lshzxetdnm");
  }

  static bool clash(const std::string& a, const std::string& b) {
    const auto left = parse_endpoint(a);
    const auto right = parse_endpoint(b);
    if (!left || !right || left->port == 0 || left->port != right->port) return false;
    return left->host == right->host || is_wildcard(left->host) || is_wildcard(right->host) ||
           (is_loopback(left->host) && is_loopback(right->host));
  }

  void check_caches() {
    const bool own_files = c_.db.type == "sqlite" && c_.cluster.expected_members > 1;
    if (c_.caches.size() > caches_max) broken("caches", "has more than " + std::to_string(caches_max) + " caches");
    for (const auto& [name, cache] : c_.caches) {
      const std::string path = "caches." + (is_name(name, "_-") ? name : in_quotes(name));
      if (!is_name(name, "_-")) broken(path, "a cache's name has 1 to 64 letters, digits, _ or -");
      if (cache.durable && cache.backed)
        broken(path + ".durable", "is of no use to a cache that is backed: its values are in the database");
      const bool everywhere = cache.replicas == replicas_everywhere;
      if (everywhere && cache.backed) broken(path + ".replicas", "\"all\" is not for a cache that a database backs");
      if (everywhere && cache.near_max > 0)
        broken(path + ".near_max", "is of no use to a cache with replicas = \"all\": every node has its values");
      if (!cache.backed) continue;
      if (own_files) broken(path + ".backed", std::string(needs_postgres));
      if (c_.has_service("cache") && !c_.has_service("db")) {
        broken(path + ".backed", "needs the service db beside cache in node.services");
      }
    }
    if (own_files && c_.has_service("entities")) broken("node.services", "entities " + std::string(needs_postgres));
  }

  void check_entities() {
    if (!c_.has_service("entities")) return;
    if (!c_.has_service("db")) broken("node.services", "entities needs the service db beside it");
    if (!c_.entities.on.empty() && !c_.entities.off.empty())
      broken("entities.off", "is of no use beside entities.on: give one of them");
    if (c_.entities.model.empty()) broken("entities.model", "is needed with the service entities");
    if (c_.entities.notify && c_.db.type != "postgres") broken("entities.notify", "needs db.type postgres");
  }

  void check_events() {
    if (c_.events.handlers.size() > event_handlers_max) {
      broken("events.handlers", "has more than " + std::to_string(event_handlers_max) + " handlers");
    }
    for (const std::string& text : c_.events.handlers) {
      if (const auto handler = parse_event_handler(text); !handler) {
        broken("events.handlers", in_quotes(text) + " " + handler.error().context);
      }
    }
  }

  void check_modules() {
    if (c_.modules.size() > modules_max) {
      broken("modules", "has more than " + std::to_string(modules_max) + " modules");
    }
    for (const auto& [name, block] : c_.modules) {
      const std::string path = "modules." + (is_name(name, "_-") ? name : in_quotes(name));
      if (std::find(modules_.begin(), modules_.end(), name) == modules_.end()) {
        broken(path, "no module of this name" +
                         (modules_.empty() ? "; this program has none"
                                           : did_you_mean(name, modules_) + "; there are " + joined(modules_)));
      }
      if (block.size() > module_keys_max) {
        broken(path, "has more than " + std::to_string(module_keys_max) + " keys");
      }
    }
  }

  static constexpr std::string_view needs_postgres =
      "on SQLite with cluster.expected_members above 1: each node has its own file; use db.type = \"postgres\"";

  const config& c_;
  const string_list& modules_;
  std::vector<broken_rule> broken_;
};

}  // namespace

std::vector<broken_rule> broken_rules(const config& c, const std::vector<std::string>& modules) {
  return rules(c, modules).check();
}

std::vector<std::string> validate(const config& c, const std::vector<std::string>& modules) {
  std::vector<std::string> faults;
  for (const broken_rule& rule : broken_rules(c, modules)) faults.push_back(rule.path + ": " + rule.text);
  return faults;
}

const std::vector<std::string>& known_services() {
  static const std::vector<std::string> services = {"http", "resp", "cache", "db", "kvs", "entities", "console"};
  return services;
}

}  // namespace troupe
