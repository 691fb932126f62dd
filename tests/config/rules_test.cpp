#include "tests/config/fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class rules : public config_test {
 protected:
  static config sound() {
    config c;
    c.node.services = {"http", "resp", "cache", "db"};
    return c;
  }
  /// Expects exactly one fault, with this text in it.
  static void expect_fault(const config& c, const std::string& text) {
    EXPECT_THAT(validate(c), ElementsAre(HasSubstr(text)));
  }
};

TEST_F(rules, what_resp_tells_clients_makes_sense) {
  config c = sound();
  c.resp.advertise = "redis.example:6380";
  c.resp.notify_keyspace_events = "KEg$lshzxetdnmA";
  EXPECT_THAT(validate(c), IsEmpty());
  c.resp.advertise = "0.0.0.0:6380";
  expect_fault(c, "resp.advertise: \"0.0.0.0:6380\" is no address that others can reach");
  c.resp.advertise = "";
  c.resp.notify_keyspace_events = "KEQ";
  expect_fault(c, "resp.notify_keyspace_events: \"KEQ\" has letters that are none of");
}

TEST_F(rules, a_sound_configuration_has_no_faults) { EXPECT_THAT(validate(sound()), IsEmpty()); }

TEST_F(rules, services_must_be_named_and_known) {
  config c = sound();
  c.node.services.clear();
  expect_fault(c, "available: http, resp, cache, db, kvs, entities, console");
  for (const std::string& service : known_services()) c.node.services.push_back(service);
  c.entities.model = "model.json";
  EXPECT_THAT(validate(c), IsEmpty());
  EXPECT_TRUE(c.has_service("console"));
  EXPECT_FALSE(c.has_service("consol"));
  c.node.services = {"cahce"};
  expect_fault(c, "unknown service \"cahce\"; did you mean cache?");
  EXPECT_THAT(validate(c, {"cahce"}), IsEmpty());
}

TEST_F(rules, single_values_are_checked_in_configurations_built_in_code) {
  config c = sound();
  c.cache.shards = 0;
  c.cache.replicas = 6;
  c.gossip.profile = "warp";
  c.http.body_max = ~0ull;
  c.node.drain_timeout = -1s;
  c.caches["x"].consistency = "weak";
  EXPECT_THAT(validate(c),
              ElementsAre("node.drain_timeout: must be from 0s to 1h, is -1s",
                          "gossip.profile: must be one of lan, wan, local, fast, is \"warp\"; did you mean wan?",
                          "http.body_max: must be from 1 to 1GiB, is 18446744073709551615",
                          "cache.shards: must be from 1 to 16384, is 0", "cache.replicas: must be from 0 to 5, is 6",
                          "caches.x.consistency: must be one of strong, stale, is \"weak\""));
}

TEST_F(rules, a_leader_store_has_addresses_that_can_be_dialled_and_memcached_has_one) {
  config c = sound();
  c.kvs.type = "redis";
  expect_fault(c, "kvs.addresses: is needed with kvs.type redis");
  c.kvs.addresses = {"db1"};
  expect_fault(c, "kvs.addresses: \"db1\" is not host:port");
  c.kvs.addresses = {"127.0.0.1:6379", "[::1]:6379"};
  EXPECT_THAT(validate(c), IsEmpty());
  c.kvs.type = "memcached";
  expect_fault(c, "several servers know nothing of each other");
  c.election.lease = 2s;
  c.kvs.addresses = {"127.0.0.1:11211"};
  expect_fault(c, "must be at least 3s with the outside store memcached");
}

TEST_F(rules, outside_loopback_the_cluster_needs_a_secret) {
  for (const char* bind : {"0.0.0.0:7070", "10.1.2.3:7070", "[::]:7070", "eth0:7070", "[fe80::1]:0"}) {
    config c = sound();
    c.cluster.bind = bind;
    expect_fault(c, "is outside loopback: set cluster.secret_file");
    c.cluster.insecure = true;
    EXPECT_THAT(validate(c), IsEmpty()) << bind;
    c.cluster.insecure = false;
    c.cluster.secret_file = write("secret", "s3cret\n");
    EXPECT_THAT(validate(c), IsEmpty()) << bind;
  }
  for (const char* bind : {"127.0.0.1:0", "127.9.9.9:7070", "[::1]:7070", "localhost:7070", "lo:7070"}) {
    config c = sound();
    c.cluster.bind = bind;
    EXPECT_THAT(validate(c), IsEmpty()) << bind;
  }
}

TEST_F(rules, a_secret_file_is_there_and_not_empty) {
  config c = sound();
  c.cluster.secret_file = directory_ + "/none";
  expect_fault(c, "cannot be opened: No such file or directory");
  c.cluster.secret_file = directory_;
  expect_fault(c, "cannot be read: Is a directory");
  c.cluster.secret_file = write("blank", " \n");
  expect_fault(c, "is empty");
  c.cluster.secret_file = write("large", std::string(65 * kib, 'x'));
  expect_fault(c, "has more than 64KiB");
  c.cluster.secret_file = write("good", "x");
  c.kvs.password_file = directory_ + "/none";
  expect_fault(c, "kvs.password_file: ");
}

TEST_F(rules, each_node_has_its_own_sqlite_file) {
  config c = sound();
  c.caches["rows"].backed = true;
  EXPECT_THAT(validate(c), IsEmpty());
  c.cluster.expected_members = 3;
  expect_fault(c,
               "caches.rows.backed: on SQLite with cluster.expected_members above 1: each node has its own file; use "
               "db.type = \"postgres\"");
  c.db.type = "postgres";
  c.db.dsn = "host=db1";
  EXPECT_THAT(validate(c), IsEmpty());
  c = sound();
  c.cluster.expected_members = 3;
  EXPECT_THAT(validate(c), IsEmpty()) << "db alone is allowed";
  c.node.services.emplace_back("entities");
  c.entities.model = "model.json";
  expect_fault(c, "node.services: entities on SQLite");
}

TEST_F(rules, entities_need_a_model_and_the_database_service) {
  config c = sound();
  c.node.services = {"http", "entities"};
  c.entities.model = "model.json";
  expect_fault(c, "node.services: entities needs the service db beside it");
  c.node.services.emplace_back("db");
  EXPECT_THAT(validate(c), IsEmpty()) << "the file is looked at by who reads it";
  c.entities.model.clear();
  expect_fault(c, "entities.model: is needed with the service entities");
}

TEST_F(rules, entities_are_named_as_on_or_as_off) {
  config c = sound();
  c.node.services = {"http", "entities", "db"};
  c.entities.model = "model.json";
  c.entities.on = {"Library"};
  EXPECT_THAT(validate(c), IsEmpty());
  c.entities.off = {"Book"};
  expect_fault(c, "entities.off: is of no use beside entities.on");
}

TEST_F(rules, a_cache_is_not_both_backed_and_durable) {
  auto c = sound();
  c.node.services = {"cache", "db"};
  c.caches["rows"].backed = true;
  c.caches["rows"].durable = true;
  expect_fault(c, "caches.rows.durable: is of no use to a cache that is backed");
}

TEST_F(rules, backed_caches_need_the_database_service) {
  config c = sound();
  c.node.services = {"http", "cache"};
  c.caches["rows"].backed = true;
  expect_fault(c, "caches.rows.backed: needs the service db");
  c.node.services = {"http"};
  EXPECT_THAT(validate(c), IsEmpty()) << "a node without data only forwards";
}

TEST_F(rules, stores_need_to_know_where_they_are) {
  for (const char* type : {"redis", "memcached", "etcd"}) {
    config c = sound();
    c.kvs.type = type;
    expect_fault(c, std::string("kvs.addresses: is needed with kvs.type ") + type);
    c.kvs.addresses = {"127.0.0.1:1"};
    EXPECT_THAT(validate(c), IsEmpty());
    c.election.lease = 2s;
    expect_fault(c, "election.lease: must be at least 3s with the outside store");
    c.election.lease = 3s;
    EXPECT_THAT(validate(c), IsEmpty());
  }
  config c = sound();
  c.kvs.type = "postgres";
  expect_fault(c, "kvs.dsn: is needed");
  c.kvs.dsn = "host=a";
  c.db.type = "postgres";
  expect_fault(c, "db.dsn: is needed");
  c.db.dsn = "host=a";
  EXPECT_THAT(validate(c), IsEmpty());
  c = sound();
  c.kvs.type = "builtin";
  c.election.lease = 500ms;
  expect_fault(c, "node.services: needs kvs");
  c.node.services.emplace_back("kvs");
  EXPECT_THAT(validate(c), IsEmpty());
  c.cluster.expected_members = 4;
  expect_fault(c, "kvs.expected_members: must be 1, 3 or 5, and cluster.expected_members is 4");
  c.kvs.expected_members = 3;
  EXPECT_THAT(validate(c), IsEmpty());
  c.kvs.expected_members = 5;
  expect_fault(c, "kvs.expected_members: is above cluster.expected_members, 4");
  c.kvs.expected_members = 2;
  expect_fault(c, "kvs.expected_members: must be 1, 3 or 5, is 2");
  c.kvs.expected_members = 0;
  c.node.services.pop_back();
  c.kvs.type = "local_standalone";
  c.cluster.expected_members = 2;
  expect_fault(c, "kvs.type: local_standalone leads one node");
}

TEST_F(rules, addresses_are_checked_by_their_looks) {
  for (const char* bind : {"", "7070", "127.0.0.1", "127.0.0.1:70000", "::1:7070", "300.0.0.1:1", ":7070", "a b:1"}) {
    config c = sound();
    c.http.bind = bind;
    expect_fault(c, "http.bind: ");
  }
  for (const char* seed : {"", "n1", "n1:0", "0.0.0.0:7070", "[::]:1", "10.0.0:1", "n 1:1", "-a:1"}) {
    config c = sound();
    c.cluster.seeds = {"n1:7070", "10.0.0.1:7070", "[fe80::1]:7070", "n2.example.org:7070", seed};
    expect_fault(c, "cluster.seeds: ");
  }
  config c = sound();
  c.cluster.advertise = "node-1.example.org:0";
  EXPECT_THAT(validate(c), IsEmpty());
  c.cluster.advertise = "0.0.0.0:7070";
  expect_fault(c, "cluster.advertise: \"0.0.0.0:7070\" is no address that others can reach");
}

TEST_F(rules, seeds_may_be_service_records) {
  config c = sound();
  c.cluster.seeds = {"srv:troupe.example.org", "_troupe._udp.example.org", "srv:whole.name."};
  EXPECT_THAT(validate(c), IsEmpty());
  for (const char* seed : {"srv:", "srv:a b", "_troupe._udp.a b", "srv:10.0.0.1"}) {
    c.cluster.seeds = {seed};
    expect_fault(c, "cluster.seeds: ");
  }
}

TEST_F(rules, a_name_server_is_an_address) {
  config c = sound();
  for (const char* server : {"", "10.0.0.1", "10.0.0.1:53", "::1", "[::1]:5353"}) {
    c.cluster.dns_server = server;
    EXPECT_THAT(validate(c), IsEmpty()) << server;
  }
  for (const char* server : {"ns.example.org", "10.0.0.1:0", "10.0.0.1:99999", "10.0.0"}) {
    c.cluster.dns_server = server;
    expect_fault(c, "cluster.dns_server: ");
  }
}

TEST_F(rules, multicast_needs_a_group_and_somebody_who_founds) {
  config c = sound();
  c.cluster.expected_members = 3;
  c.cluster.multicast = "239.255.70.70:7071";
  EXPECT_THAT(validate(c), IsEmpty());
  for (const char* group : {"on", "10.0.0.1:7071", "239.1.1.1", "239.1.1.1:0", ""}) {
    c.cluster.multicast = group;
    expect_fault(c, "cluster.multicast: ");
  }
  c.cluster.multicast = "239.255.70.70:7071";
  c.cluster.expected_members = 1;
  expect_fault(c, "nobody could know who founds");
  c.cluster.seeds = {"n1:7070"};
  EXPECT_THAT(validate(c), IsEmpty());
}

TEST_F(rules, two_doors_do_not_share_a_port) {
  config c = sound();
  c.resp.bind = "127.0.0.1:8080";
  expect_fault(c, "resp.bind: \"127.0.0.1:8080\" is taken by http.bind");
  c.resp.bind = "localhost:8080";
  expect_fault(c, "resp.bind: ");
  c.resp.bind = "0.0.0.0:7070";
  expect_fault(c, "taken by cluster.bind");
  c.resp.bind = "10.0.0.1:8080";
  EXPECT_THAT(validate(c), IsEmpty());
  c.resp.bind = c.http.bind = c.cluster.bind = "127.0.0.1:0";
  EXPECT_THAT(validate(c), IsEmpty()) << "port 0 is another one each time";
  c = sound();
  c.resp.bind = c.http.bind;
  c.node.services = {"http"};
  EXPECT_THAT(validate(c), IsEmpty()) << "a door that is not opened takes no port";
}

TEST_F(rules, names_have_plain_letters) {
  config c = sound();
  c.node.name = "n 1";
  expect_fault(c, "node.name: has 1 to 64 letters, digits, . _ or -, is \"n 1\"");
  c = sound();
  c.node.name = std::string(65, 'a');
  expect_fault(c, "node.name: ");
  c = sound();
  c.cluster.name = "";
  expect_fault(c, "cluster.name: ");
  c = sound();
  c.node.data_dir = "";
  expect_fault(c, "node.data_dir: ");
  c = sound();
  c.caches["a.b"];
  expect_fault(c, "caches.\"a.b\": a cache's name");
  c = sound();
  c.node.tags["a b"] = "x";
  expect_fault(c, "node.tags: a tag has");
  c = sound();
  c.node.tags["a"] = std::string(129, 'x');
  expect_fault(c, "node.tags: the value of \"a\" has more than 128 bytes");
}

TEST_F(rules, counts_have_limits) {
  config c = sound();
  for (int i = 0; i < 17; ++i) c.node.tags["t" + std::to_string(i)] = "x";
  expect_fault(c, "node.tags: has more than 16 tags");
  c = sound();
  for (int i = 0; i < 257; ++i) c.caches["c" + std::to_string(i)];
  expect_fault(c, "caches: has more than 256 caches");
  c = sound();
  c.cluster.link_queue_max = 1 * mib;
  expect_fault(c, "cluster.link_queue_max: is below cluster.frame_max");
  c = sound();
  c.gossip.probe_interval = c.gossip.probe_timeout = 1s;
  expect_fault(c, "gossip.probe_timeout: must be below gossip.probe_interval");
}

}  // namespace
}  // namespace troupe
