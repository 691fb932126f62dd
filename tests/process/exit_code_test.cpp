// The exit codes and words that scripts and operators rely on.
#include <csignal>

#include <gtest/gtest.h>

#include "tests/process/program.hpp"

namespace troupe::test {
namespace {

using ::testing::Test;

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::vector<std::string> node_on_free_ports(const temporary_directory& home, std::vector<std::string> extra) {
  std::vector<std::string> words{"node",        "--name", "n",           "--data-dir", home.path() + "/data", "--http",
                                 "127.0.0.1:0", "--resp", "127.0.0.1:0", "--cluster",  "127.0.0.1:0"};
  words.insert(words.end(), extra.begin(), extra.end());
  return words;
}

TEST(exit_code, bad_usage_is_64) {
  EXPECT_EQ(run({}).exit_code, 64);
  EXPECT_EQ(run({"nonsense"}).exit_code, 64);
  EXPECT_EQ(run({"node", "--no-such-flag"}).exit_code, 64);
  EXPECT_EQ(run({"get"}).exit_code, 64);
  EXPECT_EQ(run({"config"}).exit_code, 64);
  EXPECT_EQ(run({"drop", "users"}).exit_code, 64);
  EXPECT_EQ(run({"drop", "users", "--i-mean-it", "user"}).exit_code, 64);
  EXPECT_EQ(run({"node", "--set", "no_equals_sign"}).exit_code, 64);
}

TEST(exit_code, help_and_version_are_0) {
  EXPECT_EQ(run({"--help"}).exit_code, 0);
  EXPECT_EQ(run({"node", "--help"}).exit_code, 0);
  EXPECT_TRUE(has(run({"version"}).out, "troupe "));
}

TEST(exit_code, a_node_that_is_told_no_services_is_78_and_says_which_there_are) {
  const temporary_directory home;
  const auto o = run(node_on_free_ports(home, {}));
  EXPECT_EQ(o.exit_code, 78);
  for (const auto* name : {"http", "resp", "cache", "db", "kvs", "entities", "console"})
    EXPECT_TRUE(has(o.err, name)) << name;
}

TEST(exit_code, every_fault_of_a_configuration_is_listed_with_its_line_and_is_78) {
  const temporary_directory home;
  const auto file = home.write("bad.toml", "[cache]\nshrads = 3\nreplicas = \"two\"\n[http]\nbody_max = -1\n");
  for (const auto& o : {run({"config", "check", file}), run({"node", "--config", file, "--services", "http"})}) {
    EXPECT_EQ(o.exit_code, 78);
    EXPECT_TRUE(has(o.err, "bad.toml:2")) << o.err;
    EXPECT_TRUE(has(o.err, "shards")) << o.err;
    EXPECT_TRUE(has(o.err, "bad.toml:3")) << o.err;
    EXPECT_TRUE(has(o.err, "bad.toml:5")) << o.err;
  }
}

TEST(exit_code, every_fault_of_a_model_of_entities_is_listed_and_is_78) {
  const temporary_directory home;
  const auto model =
      home.write("model.json", R"({"entities": [{"typeName": "Order", "properties": {"id": {"type": "word"}}}]})");
  const auto file = home.write(
      "node.toml", "[node]\nservices = [\"http\", \"db\", \"entities\"]\n[entities]\nmodel = \"" + model + "\"\n");
  auto words = node_on_free_ports(home, {"--config", file});
  for (const auto& o : {run({"config", "check", file}), run(words)}) {
    EXPECT_EQ(o.exit_code, 78);
    EXPECT_TRUE(has(o.err, "model.json: Order.typeName: 'Order' is a reserved word")) << o.err;
    EXPECT_TRUE(has(o.err, "model.json: Order.properties.id: 'id' is reserved")) << o.err;
    EXPECT_TRUE(has(o.err, "model.json: Order.properties.id.type: must be one of")) << o.err;
  }
  (void)home.write("model.json",
                   R"({"entities": [{"typeName": "Book", "properties": {"a": {"type": "bool", "x": 1}}}]})");
  const auto good = run({"config", "check", file});
  EXPECT_EQ(good.exit_code, 0);
  EXPECT_TRUE(has(good.err, "warning: Book.properties.a.x")) << good.err;
}

TEST(exit_code, a_good_configuration_is_0_and_prints_as_one) {
  const temporary_directory home;
  const auto file = home.write("good.toml", "[node]\nservices = [\"http\", \"cache\"]\n[cache]\nshards = 64\n");
  EXPECT_EQ(run({"config", "check", file}).exit_code, 0);
  const auto printed = run({"config", "print", "--config", file, "--set", "http.bind=127.0.0.1:1234"});
  EXPECT_EQ(printed.exit_code, 0);
  EXPECT_TRUE(has(printed.out, "shards = 64"));
  EXPECT_TRUE(has(printed.out, "127.0.0.1:1234"));
  const auto again = home.write("again.toml", printed.out);
  EXPECT_EQ(run({"config", "print", "--config", again}).out, printed.out);
}

TEST(exit_code, the_environment_stands_between_file_and_flags) {
  const auto o = run({"config", "print", "--mode", "single", "--set", "cache.shards=7"},
                     {{"TROUPE_CACHE_SHARDS", "8"}, {"TROUPE_CACHE_REPLICAS", "1"}});
  EXPECT_TRUE(has(o.out, "shards = 7"));
  EXPECT_TRUE(has(o.out, "replicas = 1"));
}

TEST(exit_code, a_cluster_bind_outside_loopback_without_a_secret_is_78) {
  const temporary_directory home;
  const auto words = node_on_free_ports(home, {"--services", "cache", "--cluster", "0.0.0.0:0"});
  EXPECT_EQ(run(words).exit_code, 78);
}

TEST(exit_code, a_port_in_use_is_69_with_the_address) {
  const single_node first;
  for (const auto& [flag, address] : {std::pair{"http.bind", first.http}, std::pair{"resp.bind", first.resp},
                                      std::pair{"cluster.bind", first.cluster}}) {
    const temporary_directory home;
    const auto o = run(node_on_free_ports(home, {"--mode", "single", "--set", std::string(flag) + "=" + address}));
    EXPECT_EQ(o.exit_code, 69) << flag;
    EXPECT_TRUE(has(o.err, address)) << o.err;
  }
}

TEST(exit_code, a_data_directory_that_cannot_be_made_is_73) {
  const temporary_directory home;
  const auto file = home.write("file", "x");
  const auto o = run({"node", "--mode", "single", "--data-dir", file + "/data", "--http", "127.0.0.1:0", "--resp",
                      "127.0.0.1:0", "--cluster", "127.0.0.1:0"});
  EXPECT_EQ(o.exit_code, 73);
  EXPECT_TRUE(has(o.err, file));
}

TEST(exit_code, a_data_directory_in_use_is_73) {
  const single_node first;
  const auto o = run({"node", "--mode", "single", "--data-dir", first.home.path() + "/data", "--http", "127.0.0.1:0",
                      "--resp", "127.0.0.1:0", "--cluster", "127.0.0.1:0"});
  EXPECT_EQ(o.exit_code, 73);
  EXPECT_TRUE(has(o.err, "another node")) << o.err;
}

TEST(exit_code, a_node_that_does_not_answer_is_69) {
  const temporary_directory home;
  for (const auto* verb : {"members", "leader", "health", "shards", "services", "info", "leave"}) {
    EXPECT_EQ(run({verb, "--http", "http://127.0.0.1:1"}).exit_code, 69) << verb;
  }
  EXPECT_EQ(run({"get", "k", "--http", "http://127.0.0.1:1"}).exit_code, 69);
  EXPECT_EQ(run({"force-leave", "b", "--http", "http://127.0.0.1:1"}).exit_code, 69);
  EXPECT_EQ(run({"force-leave", "--http", "http://127.0.0.1:1"}).exit_code, 64);
}

}  // namespace
}  // namespace troupe::test
