// Real clients of Redis at a cluster of three nodes: redis-cli, redis-benchmark, redis-py and ioredis, plain and
// cluster-aware.
#include <troupe/local_cluster.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

#include <sys/wait.h>

#include <gtest/gtest.h>

namespace troupe {
namespace {

struct said {
  int exit_code = -1;
  std::string text;
};

said run(const std::string& command) {
  said s;
  std::FILE* out = ::popen(("timeout 60 " + command + " 2>&1").c_str(), "r");
  if (out == nullptr) return s;
  std::array<char, 4096> bytes{};
  for (std::size_t n = 0; (n = std::fread(bytes.data(), 1, bytes.size(), out)) != 0;) s.text.append(bytes.data(), n);
  const int status = ::pclose(out);
  s.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return s;
}

bool there(const std::string& program) { return run("sh -c 'command -v " + program + "'").exit_code == 0; }

struct redis_clients : ::testing::Test {
  void SetUp() override {
    local_cluster_options options;
    options.services = {"resp", "cache"};
    auto started = local_cluster::start(std::move(options));
    ASSERT_TRUE(started) << describe(started.error());
    cluster.emplace(std::move(*started));
    ASSERT_TRUE(cluster->wait_until([](local_cluster& c) {
      for (std::size_t i = 0; i < c.size(); ++i) {
        for (const auto& m : c.at(i).view()->members) {
          if (!m.tags.contains("resp")) return false;
        }
      }
      return true;
    })) << "every node knows where the others speak RESP";
  }
  std::string address(std::size_t node) { return cluster->at(node).addresses().resp; }
  std::string port(std::size_t node) { return address(node).substr(address(node).rfind(':') + 1); }
  said cli(std::size_t node, const std::string& words) { return run("redis-cli -p " + port(node) + " " + words); }

  std::optional<local_cluster> cluster;
};

TEST_F(redis_clients, redis_cli_plain_and_with_its_cluster_mode) {
  if (!there("redis-cli")) GTEST_SKIP() << "redis-cli is not installed";
  for (int i = 0; i < 12; ++i) {
    const auto key = "k" + std::to_string(i);
    EXPECT_EQ(cli(0, "SET " + key + " v").text, "OK\n");
    EXPECT_EQ(cli(1, "-c GET " + key).text, "v\n") << "without a redirection";
  }
  EXPECT_EQ(cli(2, "DBSIZE").text, "12\n");
  const auto scanned = cli(1, "--scan --pattern 'k1*'").text;
  EXPECT_EQ(std::count(scanned.begin(), scanned.end(), '\n'), 3);
  EXPECT_NE(cli(0, "-3 CLUSTER SHARDS").text.find("slots"), std::string::npos);
  EXPECT_NE(cli(0, "--json COMMAND DOCS get").text.find("\"group\":\"string\""), std::string::npos);
}

TEST_F(redis_clients, redis_benchmark_plain_and_with_its_cluster_mode) {
  if (!there("redis-benchmark")) GTEST_SKIP() << "redis-benchmark is not installed";
  for (const std::string mode : {"", "--cluster "}) {
    const auto r = run("redis-benchmark -p " + port(0) + " " + mode + "-t set,get -n 5000 -r 1000 -c 20 -q");
    EXPECT_EQ(r.exit_code, 0) << r.text;
    EXPECT_NE(r.text.find("requests per second"), std::string::npos) << r.text;
    EXPECT_EQ(r.text.find("rror"), std::string::npos) << r.text;
  }
}

TEST_F(redis_clients, redis_py_plain_and_with_its_cluster_mode) {
  if (run("/usr/bin/python3 -c 'import redis.cluster'").exit_code != 0) GTEST_SKIP() << "redis-py is not installed";
  const auto r = run("/usr/bin/python3 " TROUPE_SOURCE_DIR "/tests/node/redis_clients.py " + address(1));
  EXPECT_EQ(r.exit_code, 0);
  EXPECT_EQ(r.text, "fine\n");
}

TEST_F(redis_clients, ioredis_plain_and_with_its_cluster_mode) {
  const std::string node = "env NODE_PATH=" TROUPE_NODE_MODULES " node ";
  if (run(node + "-e 'require(\"ioredis\")'").exit_code != 0) {
    GTEST_SKIP() << "node or ioredis is not installed: scripts/npm_packages.sh";
  }
  const auto r = run(node + TROUPE_SOURCE_DIR "/tests/node/ioredis_clients.js " + address(1));
  EXPECT_EQ(r.exit_code, 0) << r.text;
  EXPECT_EQ(r.text, "fine\n");
}

}  // namespace
}  // namespace troupe
