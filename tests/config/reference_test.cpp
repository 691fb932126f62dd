// The shipped files: the annotated reference, the modes, and print_config as their reader.
#include <sstream>

#include "config/draft.hpp"
#include "config/key.hpp"
#include "config/modes.hpp"
#include "config/print.hpp"
#include "config/toml_layer.hpp"
#include "config/value.hpp"
#include "tests/config/fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

class reference : public config_test {};

/// Takes the mark off lines such as "#backed = false"; prose has a blank behind its mark.
std::string uncommented(const std::string& text) {
  std::istringstream in(text);
  std::string out;
  for (std::string line; std::getline(in, line);) {
    const bool is_setting = line.size() > 1 && line[0] == '#' && line[1] != ' ';
    out += (is_setting ? line.substr(1) : line) + "\n";
  }
  return out;
}

TEST_F(reference, is_what_the_table_says) {
  if (std::getenv("TROUPE_TEST_WRITE_REFERENCE") != nullptr) {
    std::ofstream(shipped("troupe.toml"), std::ios::binary) << print_reference();
  }
  EXPECT_EQ(slurp(shipped("troupe.toml")), print_reference())
      << "run this test once with TROUPE_TEST_WRITE_REFERENCE=1 in the environment";
}

TEST_F(reference, equals_the_defaults_key_by_key) {
  draft d;
  ASSERT_TRUE(apply_toml(d, slurp(shipped("troupe.toml")), "troupe.toml"));
  EXPECT_EQ(d.faults, string_list{});
  config defaults;
  for (const key& k : keys()) {
    if (k.section == caches_section) continue;
    EXPECT_EQ(toml_value(k, k.in(d.values, "")), toml_value(k, k.in(defaults, ""))) << path_of(k);
    EXPECT_TRUE(d.places.contains(path_of(k))) << path_of(k) << " is not in the file";
  }
  EXPECT_EQ(d.values, config{});
}

TEST_F(reference, names_every_key_and_no_other) {
  draft d;
  ASSERT_TRUE(apply_toml(d, uncommented(slurp(shipped("troupe.toml"))), "troupe.toml"));
  EXPECT_EQ(d.faults, string_list{}) << "a key that the table has not";
  EXPECT_EQ(d.places.erase("modules.NAME"), 1u) << "a block without keys of the table";
  EXPECT_EQ(d.values.modules.at("NAME"), module_block());
  EXPECT_EQ(d.places.size(), keys().size());
  for (const key& k : keys()) EXPECT_TRUE(d.places.contains(path_of(k))) << path_of(k);
  named_cache_config usual;
  usual.replicas = cache_config{}.replicas;  // it inherits
  EXPECT_EQ(d.values.caches.at("NAME"), usual);
}

TEST_F(reference, defaults_keep_the_rules_of_their_keys) {
  config defaults;
  defaults.node.services = {"http"};
  EXPECT_EQ(validate(defaults), string_list{});
}

class modes : public config_test {
 protected:
  config_sources sources_for(const std::string& mode) {
    config_sources sources;
    sources.settings = {{"node.name", "n1"}};
    if (mode == "scaled") sources.settings.emplace_back("node.services", "cache");
    if (mode == "kubernetes") sources.settings.emplace_back("cluster.secret_file", write("secret", "x"));
    return sources;
  }
};

TEST_F(modes, compiled_in_are_the_files_and_the_words_of_node_mode) {
  string_list names{""};
  for (const mode_file& m : mode_files()) {
    names.emplace_back(m.name);
    EXPECT_EQ(m.text, slurp(shipped(std::string(m.name) + ".toml")));
  }
  const auto& words = find_key("node", "mode")->words;
  EXPECT_EQ(names, string_list(words.begin(), words.end()));
}

TEST_F(modes, as_a_file_and_as_a_mode_are_the_same) {
  for (const mode_file& m : mode_files()) {
    config_sources as_mode = sources_for(std::string(m.name));
    config_sources as_file = as_mode;
    as_mode.mode = m.name;
    as_file.file = shipped(std::string(m.name) + ".toml");
    EXPECT_EQ(loaded(as_mode), loaded(as_file)) << m.name;
    EXPECT_EQ(loaded(as_mode).node.mode, m.name);
  }
}

TEST_F(modes, single_is_one_node_by_itself) {
  config_sources sources = sources_for("single");
  sources.mode = "single";
  const config c = loaded(sources);
  EXPECT_EQ(c.node.services, (string_list{"http", "resp", "cache", "db"}));
  EXPECT_EQ(c.http.bind, "127.0.0.1:8080");
  EXPECT_EQ(c.resp.bind, "127.0.0.1:6380");
  EXPECT_EQ(c.cluster.bind, "127.0.0.1:7070");
  EXPECT_EQ(c.kvs.type, "local_standalone");
  EXPECT_FALSE(c.cluster.accept_joiners);
  EXPECT_TRUE(c.caches.at("persistent").backed);
}

TEST_F(modes, ha_starts_on_loopback_without_a_secret) {
  config_sources sources;
  sources.file = shipped("ha.toml");
  sources.settings = {{"node.name", "n2"},
                      {"cluster.bind", "127.0.0.1:7071"},
                      {"http.bind", "127.0.0.1:8081"},
                      {"cluster.seeds", "127.0.0.1:7070"}};
  const config c = loaded(sources);
  EXPECT_EQ(c.cluster.expected_members, 3u);
  EXPECT_EQ(c.cache.replicas, 1u);
  EXPECT_EQ(c.kvs.type, "votes");
}

TEST_F(modes, scaled_refuses_a_node_without_a_role) {
  config_sources sources;
  sources.mode = "scaled";
  EXPECT_THAT(faults(sources), HasSubstr("node.services: names none"));
}

TEST_F(modes, kubernetes_refuses_a_node_without_its_secret) {
  config_sources sources;
  sources.mode = "kubernetes";
  sources.settings = {{"cluster.secret_file", directory_ + "/none"}};
  EXPECT_THAT(faults(sources), HasSubstr("cluster.secret_file: "));
}

class printed : public config_test {};

TEST_F(printed, reads_back_to_an_equal_configuration) {
  config_sources sources = file(R"(
[node]
name = "n1"
mode = "ha"
tags = { zone = "a\"\\\n", "x.y" = "gr\u00fc\u00df" }
drain_timeout = "1.5ms"
[cluster]
seeds = ["a:1", "[::1]:2"]
[cache]
memory_max = 123456789
[caches.rows]
ttl = "90s"
[caches.a-b]
replicas = 0
[db]
dsn = "host=db1 user='x y'"
[kvs]
type = "redis"
addresses = ["r:6379"]
)");
  sources.settings.emplace_back("node.tags", "");
  sources.settings.emplace_back("node.tags.zone", "a\"\\\t\x01 gr\xc3\xbc");
  const config c = loaded(sources);
  config_sources again;
  again.file = write("printed.toml", print_config(c));
  EXPECT_EQ(loaded(again), c) << print_config(c);
  EXPECT_EQ(print_config(loaded(again)), print_config(c));
}

TEST_F(printed, has_every_key) {
  config c;
  c.caches["x"];
  c.inherit_replicas();
  draft d;
  ASSERT_TRUE(apply_toml(d, print_config(c), "printed"));
  EXPECT_EQ(d.faults, string_list{});
  EXPECT_EQ(d.places.size(), keys().size());
  EXPECT_EQ(d.values, c);
}

TEST_F(printed, modes_read_back_too) {
  for (const char* mode : {"single", "ha"}) {
    config_sources sources;
    sources.mode = mode;
    sources.settings = {{"node.name", "n1"}};
    config_sources again;
    again.file = write("printed.toml", print_config(loaded(sources)));
    EXPECT_EQ(loaded(again), loaded(sources));
  }
}

TEST_F(printed, shows_no_password) {
  config c;
  c.db.dsn = "host=db1 password=geheim";
  c.kvs.dsn = "postgresql://u:geheim@db1/t";
  EXPECT_THAT(print_config(c), Not(HasSubstr("geheim")));
  EXPECT_THAT(print_config(c), HasSubstr("dsn = \"host=db1 password=***\""));
}

TEST_F(printed, survives_the_ends_of_every_range) {
  for (const key& k : keys()) {
    for (const std::int64_t number : {k.min, k.max}) {
      config c;
      c.node.services = {"http"};
      c.node.name = "n1";
      c.caches["x"];
      const field f = k.in(c, "x");
      if (auto* const* n = std::get_if<std::uint32_t*>(&f)) **n = static_cast<std::uint32_t>(number);
      if (auto* const* n = std::get_if<std::int32_t*>(&f)) **n = static_cast<std::int32_t>(number);
      if (auto* const* n = std::get_if<std::uint64_t*>(&f)) **n = static_cast<std::uint64_t>(number);
      if (auto* const* n = std::get_if<duration*>(&f)) **n = duration(number);
      if (auto* const* n = std::get_if<bool*>(&f)) **n = number == 0;
      c.inherit_replicas();
      draft d;
      ASSERT_TRUE(apply_toml(d, print_config(c), "printed"));
      EXPECT_EQ(d.faults, string_list{}) << path_of(k);
      EXPECT_EQ(d.values, c) << path_of(k);
    }
  }
}

}  // namespace
}  // namespace troupe
