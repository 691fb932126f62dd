// load_config: types, precedence, and faults with their places.
#include "tests/config/fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

class layers : public config_test {};

TEST_F(layers, nothing_but_services_gives_the_defaults) {
  config_sources sources;
  sources.settings = {{"node.services", "http,resp"}, {"node.name", "n1"}};
  config expected_config;
  expected_config.node.services = {"http", "resp"};
  expected_config.node.name = "n1";
  EXPECT_EQ(loaded(sources), expected_config);
}

TEST_F(layers, an_unnamed_node_takes_the_hosts_name) {
  std::array<char, 256> name{};
  ASSERT_EQ(::gethostname(name.data(), name.size() - 1), 0);
  config_sources sources;
  sources.settings = {{"node.services", "http"}};
  const auto c = load_config(sources);
  if (c) {
    EXPECT_EQ(c->node.name, name.data());
  } else {  // this host's name is none for a node: the fault says so
    EXPECT_THAT(c.error().context, HasSubstr("the host's name: node.name"));
  }
}

TEST_F(layers, a_file_sets_every_type) {
  const config c = loaded(file(R"(
[node]
name = "n1"
tags = { zone = "a", "dotted.name" = "b" }
drain_timeout = "1.5s"
[cluster]
seeds = ["a:1", "b:2"]
accept_joiners = false
link_queue_max = 134217728
frame_max = "8MiB"
[election]
priority = -3
[cache]
shards = 0x10
eviction = "none"
[caches.sessions]
ttl = "20m"
[caches.rows]
replicas = 2
)"));
  EXPECT_EQ(c.node.tags, (std::map<std::string, std::string>{{"zone", "a"}, {"dotted.name", "b"}}));
  EXPECT_EQ(c.node.drain_timeout, 1500ms);
  EXPECT_EQ(c.cluster.seeds, (std::vector<std::string>{"a:1", "b:2"}));
  EXPECT_FALSE(c.cluster.accept_joiners);
  EXPECT_EQ(c.cluster.link_queue_max, 128 * mib);
  EXPECT_EQ(c.cluster.frame_max, 8 * mib);
  EXPECT_EQ(c.election.priority, -3);
  EXPECT_EQ(c.cache.shards, 16u);
  EXPECT_EQ(c.cache.eviction, "none");
  EXPECT_EQ(c.caches.at("sessions").ttl, 20min);
  EXPECT_EQ(c.caches.at("rows").replicas, 2u);
}

TEST_F(layers, aliases_are_other_names_of_the_same_key) {
  const config c = loaded(file("[gossip]\nping_cycle = \"300ms\"\nfailure_threshold = 7\n"));
  EXPECT_EQ(c.gossip.probe_interval, 300ms);
  EXPECT_EQ(c.gossip.suspicion_mult, 7u);
  EXPECT_EQ(faults(file("[gossip]\nping_cycle = \"300ms\"\nprobe_interval = \"1s\"\n")),
            "t.toml:3: gossip.probe_interval: given twice, as probe_interval and ping_cycle");
}

TEST_F(layers, a_key_and_its_alias_in_the_environment_are_a_fault) {
  config_sources sources;
  sources.settings = {{"node.services", "cache"}};
  sources.environment = {{"TROUPE_GOSSIP_PING_CYCLE", "300ms"}};
  EXPECT_EQ(loaded(sources).gossip.probe_interval, 300ms);
  sources.environment.emplace_back("TROUPE_GOSSIP_PROBE_INTERVAL", "1s");
  EXPECT_EQ(faults(sources), "TROUPE_GOSSIP_PING_CYCLE: given twice, as TROUPE_GOSSIP_PROBE_INTERVAL too");
}

TEST_F(layers, each_layer_wins_over_the_one_below) {
  config_sources sources;
  sources.settings = {{"node.name", "n"}};
  sources.mode = "ha";
  EXPECT_EQ(loaded(sources).cache.replicas, 1u);
  EXPECT_EQ(loaded(sources).cluster.expected_members, 3u);
  sources.file = write("t.toml", "[cache]\nreplicas = 2\nshards = 64\n[node]\nservices = [\"cache\"]\n");
  EXPECT_EQ(loaded(sources).cache.replicas, 2u);
  EXPECT_EQ(loaded(sources).cluster.expected_members, 3u);
  sources.environment = {{"TROUPE_CACHE_REPLICAS", "3"}, {"TROUPE_CACHE_SHARDS", "32"}, {"PATH", "/bin"}};
  EXPECT_EQ(loaded(sources).cache.replicas, 3u);
  sources.settings.insert(sources.settings.end(), {{"cache.replicas", "4"}, {"cache.replicas", "5"}});
  const config c = loaded(sources);
  EXPECT_EQ(c.cache.replicas, 5u) << "the last setting of a key wins";
  EXPECT_EQ(c.cache.shards, 32u);
  EXPECT_EQ(c.node.services, std::vector<std::string>{"cache"}) << "a list replaces the list below";
}

TEST_F(layers, the_mode_is_named_by_flag_setting_environment_or_file_in_that_order) {
  config_sources sources = file("[node]\nmode = \"single\"\nname = \"n\"\n");
  EXPECT_EQ(loaded(sources).node.mode, "single");
  EXPECT_EQ(loaded(sources).kvs.type, "local_standalone");
  sources.environment = {{"TROUPE_NODE_MODE", "scaled"}};
  EXPECT_EQ(loaded(sources).node.mode, "scaled");
  EXPECT_EQ(loaded(sources).kvs.type, "votes");
  sources.settings.emplace_back("node.mode", "ha");
  EXPECT_EQ(loaded(sources).node.mode, "ha");
  sources.mode = "single";
  const config c = loaded(sources);
  EXPECT_EQ(c.node.mode, "single");
  EXPECT_EQ(c.kvs.type, "local_standalone");
  EXPECT_TRUE(c.caches.at("persistent").backed);
}

TEST_F(layers, unknown_modes_are_reported_where_they_were_named) {
  config_sources sources = file("[node]\nmode = \"singel\"\n");
  EXPECT_THAT(faults(sources), HasSubstr("t.toml:2: node.mode: must be one of \"\", single, ha, scaled, kubernetes, is "
                                         "\"singel\"; did you mean single?"));
  sources = file("");
  sources.mode = "hb";
  EXPECT_THAT(faults(sources), HasSubstr("--mode: must be one of"));
  EXPECT_THAT(faults(sources), HasSubstr("did you mean ha?"));
  sources = file("");
  sources.environment = {{"TROUPE_NODE_MODE", "HA"}};
  EXPECT_THAT(faults(sources), HasSubstr("TROUPE_NODE_MODE: must be one of"));
}

TEST_F(layers, replicas_of_a_cache_are_a_number_or_the_word_all) {
  config_sources sources;
  sources.file = write("t.toml",
                       "[node]\nservices = [\"cache\"]\n[cache]\nreplicas = 0\n[caches.a]\nreplicas = \"all\"\n"
                       "[caches.b]\nreplicas = 2\n[caches.c]\n");
  sources.settings = {{"caches.d.replicas", "all"}};
  const config c = loaded(sources);
  EXPECT_EQ(c.caches.at("a").replicas, replicas_everywhere);
  EXPECT_EQ(c.caches.at("b").replicas, 2u);
  EXPECT_EQ(c.caches.at("c").replicas, 0u);
  EXPECT_EQ(c.caches.at("d").replicas, replicas_everywhere);
  EXPECT_EQ(c.shard_copies(), 2u);
  EXPECT_EQ(config::copies_in_sync(replicas_everywhere, 0), 1u) << "an acknowledged write is at two nodes at least";
  config_sources again;
  again.file = write("printed.toml", print_config(c));
  EXPECT_EQ(loaded(again), c) << print_config(c);
}

TEST_F(layers, other_words_and_the_number_behind_the_word_are_refused) {
  for (const char* value : {"some", "ALL", "4294967294", "-1", "6", ""}) {
    config_sources sources;
    sources.settings = {{"node.services", "cache"}, {"caches.a.replicas", value}};
    EXPECT_FALSE(load_config(sources)) << value;
  }
  config_sources sources;
  sources.file = write("t.toml", "[node]\nservices = [\"cache\"]\n[caches.a]\nreplicas = \"some\"\n");
  const auto refused = load_config(sources);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().context.find("an integer or \"all\""), std::string::npos) << refused.error().context;
  sources.file = write("t.toml", "[node]\nservices = [\"cache\"]\n[cache]\nreplicas = \"all\"\n");
  EXPECT_FALSE(load_config(sources)) << "of single caches only";
  sources.file =
      write("t.toml", "[node]\nservices = [\"cache\"]\n[caches.a]\nreplicas = \"all\"\nnear_max = \"1MiB\"\n");
  EXPECT_FALSE(load_config(sources));
}

TEST_F(layers, named_caches_inherit_replicas_from_any_layer) {
  config_sources sources = file("[cache]\nreplicas = 1\n[caches.a]\n[caches.b]\nreplicas = 0\n");
  sources.settings.emplace_back("cache.replicas", "2");
  const config c = loaded(sources);
  EXPECT_EQ(c.caches.at("a").replicas, 2u);
  EXPECT_EQ(c.caches.at("b").replicas, 0u);
}

TEST_F(layers, caches_are_reached_by_settings_and_variables) {
  config_sources sources = file("[caches.My-Cache]\n");
  sources.environment = {{"TROUPE_CACHES_MY_CACHE_CONSISTENCY", "stale"}, {"TROUPE_CACHES_OTHER_TTL", "1s"}};
  sources.settings.emplace_back("caches.third.ttl", "2s");
  const config c = loaded(sources);
  ASSERT_EQ(c.caches.size(), 3u);
  EXPECT_EQ(c.caches.at("My-Cache").consistency, "stale");
  EXPECT_EQ(c.caches.at("other").ttl, 1s);
  EXPECT_EQ(c.caches.at("third").ttl, 2s);
}

TEST_F(layers, a_variable_that_fits_two_caches_is_refused) {
  config_sources sources = file("[caches.a-b]\n[caches.a_b]\n");
  sources.environment = {{"TROUPE_CACHES_A_B_TTL", "1s"}};
  EXPECT_EQ(faults(sources), "TROUPE_CACHES_A_B_TTL: two caches have this name in capitals; use --set caches.NAME.ttl");
}

TEST_F(layers, tags_come_as_a_list_or_one_by_one) {
  config_sources sources = file("[node]\ntags = { zone = \"a\" }\n");
  sources.environment = {{"TROUPE_NODE_TAGS", "rack=7, zone=b"}};
  sources.settings.emplace_back("node.tags.disk", "ssd");
  EXPECT_EQ(loaded(sources).node.tags,
            (std::map<std::string, std::string>{{"disk", "ssd"}, {"rack", "7"}, {"zone", "b"}}));
}

TEST_F(layers, settings_and_variables_read_every_type) {
  config_sources sources = file("[cluster]\nseeds = [\"a:1\"]\n");
  sources.environment = {{"TROUPE_CLUSTER_ACCEPT_JOINERS", "false"}, {"TROUPE_CLUSTER_SEEDS", ""},
                         {"TROUPE_GOSSIP_PING_CYCLE", "2s"},         {"TROUPE_HTTP_BODY_MAX", "1024"},
                         {"TROUPE_ELECTION_PRIORITY", "-7"},         {"TROUPE_DB_DSN", "host=a b=c"}};
  const config c = loaded(sources);
  EXPECT_FALSE(c.cluster.accept_joiners);
  EXPECT_TRUE(c.cluster.seeds.empty());
  EXPECT_EQ(c.gossip.probe_interval, 2s);
  EXPECT_EQ(c.http.body_max, 1024u);
  EXPECT_EQ(c.election.priority, -7);
  EXPECT_EQ(c.db.dsn, "host=a b=c");
}

TEST_F(layers, all_faults_of_a_file_come_at_once_by_line) {
  EXPECT_EQ(faults(file(R"([cache]
shards = 99999
replcas = 1
deadline = 5
value_max = "64MB"
[chache]
x = 1
[http]
bnd = "a"
connections_max = "many"
[node]
services = "http"
[gossip]
profile = "lna"
zzzzzzzzz = 1
[caches.x]
bakced = true
[caches."a b"]
[resp]
idle_timeout = "1ms"
)")),
            R"(t.toml:2: cache.shards: must be from 1 to 16384, is 99999
t.toml:3: cache.replcas: unknown key; did you mean cache.replicas?
t.toml:4: cache.deadline: must be a duration such as "30s" (ms, s, m, h, d), is the integer 5
t.toml:5: cache.value_max: must be a size such as 1048576 or "64MiB", is "64MB"
t.toml:6: [chache]: unknown section; did you mean [cache]?
t.toml:9: http.bnd: unknown key; did you mean http.bind?
t.toml:10: http.connections_max: must be an integer, is the string "many"
t.toml:12: node.services: must be a list of strings, is the string "http"
t.toml:14: gossip.profile: must be one of lan, wan, local, fast, is "lna"; did you mean lan?
t.toml:15: gossip.zzzzzzzzz: unknown key; [gossip] has profile, probe_interval, probe_timeout, gossip_interval, push_pull_interval, indirect_probes, suspicion_mult, retransmit_mult
t.toml:17: caches.x.bakced: unknown key; did you mean caches.x.backed?
t.toml:18: [caches."a b"]: a cache's name has 1 to 64 letters, digits, _ or -
t.toml:20: resp.idle_timeout: must be 0s (never, as in Redis) or from 10ms to 30d, is 1ms)");
}

TEST_F(layers, faults_of_shape_say_what_was_there) {
  EXPECT_EQ(faults(file("shards = 1\ncache = 5\n[[db]]\n[caches]\nx = 1\n")),
            "t.toml:1: \"shards\": a key outside all sections; did you mean cache.shards?\n"
            "t.toml:2: cache: must be a section, is the integer 5\n"
            "t.toml:3: db: must be a section, is a list\n"
            "t.toml:5: caches.x: must be a section [caches.NAME], is the integer 1");
  EXPECT_EQ(faults(file("[node]\nservices = [\"http\", 1]\nname = 1.5\ndata_dir = 1979-05-27\ntags = { a = true }\n"
                        "io_threads = true\n[cluster]\ninsecure = 1\nseeds = [\"\"]\nframe_max = -1\n")),
            "t.toml:2: node.services: must be a list of strings, has the integer 1\n"
            "t.toml:3: node.name: must be a string, is a number with a fraction\n"
            "t.toml:4: node.data_dir: must be a string, is a date or time\n"
            "t.toml:5: node.tags: must be a table of strings, e.g. zone = \"a\", has true or false\n"
            "t.toml:6: node.io_threads: must be an integer, is true or false\n"
            "t.toml:8: cluster.insecure: must be true or false, is the integer 1\n"
            "t.toml:9: cluster.seeds: has an empty element\n"
            "t.toml:10: cluster.frame_max: must be from 64KiB to 1GiB, is -1");
}

TEST_F(layers, faults_of_variables_name_the_variable) {
  config_sources sources = file("");
  sources.environment = {{"TROUPE_CACHE_REPLICAS", "x"},
                         {"TROUPE_CACHE_REPLCAS", "1"},
                         {"TROUPE_X", "1"},
                         {"TROUPE_CACHE_SHARDS", ""},
                         {"TROUPE_HTTP_BODY_MAX", "9999999999999999999999"},
                         {"TROUPE_CLUSTER_SEEDS", "a:1,,"},
                         {"TROUPE_NODE_NAME", "\xff"},
                         {"TROUPE_KVS_TYPE", "reddis"},
                         {"TROUPE_NODE_TAGS", "zone"},
                         {"TROUPE_CACHES__TTL", "1s"}};
  EXPECT_EQ(faults(sources),
            "TROUPE_CACHE_REPLICAS: must be an integer, is \"x\"\n"
            "TROUPE_CACHE_REPLCAS: unknown variable; did you mean TROUPE_CACHE_REPLICAS?\n"
            "TROUPE_X: unknown variable\n"
            "TROUPE_CACHE_SHARDS: must be an integer, is \"\"\n"
            "TROUPE_HTTP_BODY_MAX: must be a size such as 1048576 or \"64MiB\", is \"9999999999999999999999\"\n"
            "TROUPE_CLUSTER_SEEDS: has an empty element: \"a:1,,\"\n"
            "TROUPE_NODE_NAME: is not UTF-8\n"
            "TROUPE_KVS_TYPE: must be one of votes, local_standalone, builtin, redis, memcached, etcd, postgres, is "
            "\"reddis\"; did you mean redis?\n"
            "TROUPE_NODE_TAGS: must be a table of strings, e.g. zone = \"a\", is \"zone\"\n"
            "TROUPE_CACHES__TTL: unknown variable; did you mean TROUPE_CACHE_SHARDS?");
}

TEST_F(layers, variables_that_kubernetes_and_tests_set_are_passed_over) {
  config_sources sources = file("");
  sources.environment = {{"TROUPE_SERVICE_HOST", "10.0.0.1"},
                         {"TROUPE_SERVICE_PORT", "8080"},
                         {"TROUPE_SERVICE_PORT_HTTP", "8080"},
                         {"TROUPE_PORT", "tcp://10.0.0.1:8080"},
                         {"TROUPE_PORT_8080_TCP", "tcp://10.0.0.1:8080"},
                         {"TROUPE_HTTP_PORT_8080_TCP_ADDR", "10.0.0.1"},
                         {"TROUPE_TEST_ANYTHING", "1"},
                         {"TROUPENOT", "1"}};
  EXPECT_EQ(faults(sources), "");
  sources.environment = {{"TROUPE_HTTP_PORT", "8080"}};
  EXPECT_THAT(faults(sources), StartsWith("TROUPE_HTTP_PORT: unknown variable"));
}

TEST_F(layers, faults_of_settings_name_the_flag) {
  config_sources sources = file("");
  sources.settings.insert(sources.settings.end(), {{"cache.replicas", "9"},
                                                   {"cache.replcas", "1"},
                                                   {"replicas", "1"},
                                                   {"chache.replicas", "1"},
                                                   {"caches.ttl", "1s"},
                                                   {"caches.a b.ttl", "1s"},
                                                   {"caches.a.tl", "1s"},
                                                   {"cache.shards", "1 "},
                                                   {"election.priority", "99999999999999999999"},
                                                   {"", ""}});
  EXPECT_EQ(faults(sources),
            "--set cache.replicas: must be from 0 to 5, is 9\n"
            "--set cache.replcas: unknown key; did you mean cache.replicas?\n"
            "--set replicas: a key has its section before it; did you mean cache.replicas?\n"
            "--set chache.replicas: unknown section; did you mean [cache]?\n"
            "--set caches.ttl: the key of a cache is caches.NAME.key\n"
            "--set \"caches.a b.ttl\": a cache's name has 1 to 64 letters, digits, _ or -\n"
            "--set caches.a.tl: unknown key; did you mean caches.a.ttl?\n"
            "--set cache.shards: must be an integer, is \"1 \"\n"
            "--set election.priority: must be from -1000 to 1000, is \"99999999999999999999\"\n"
            "--set \"\": a key has its section before it");
}

TEST_F(layers, rules_are_told_with_the_place_of_their_key) {
  config_sources sources = file("[cluster]\nbind = \"0.0.0.0:7070\"\n");
  EXPECT_THAT(faults(sources), StartsWith("t.toml:2: cluster.bind: \"0.0.0.0:7070\" is outside loopback"));
  sources = file("");
  sources.settings = {{"node.services", "htpt"}};
  EXPECT_EQ(faults(sources),
            "--set node.services: unknown service \"htpt\"; did you mean http?; available: "
            "http, resp, cache, db, kvs, entities, console");
  EXPECT_THAT(faults({}),
              HasSubstr("node.services: names none, and a node runs only what it is told; available: http, resp"));
}

TEST_F(layers, modules_of_an_embedder_are_services) {
  config_sources sources;
  sources.settings = {{"node.services", "billing"}, {"node.name", "n"}};
  EXPECT_THAT(faults(sources), HasSubstr("unknown service \"billing\""));
  sources.modules = {"billing"};
  EXPECT_EQ(loaded(sources).node.services, std::vector<std::string>{"billing"});
}

}  // namespace
}  // namespace troupe
