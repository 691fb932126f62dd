// Durable caches of real programs: kill -9 under load, files that a crash or a hand has changed, a full disk.
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>
#include <hiredis/hiredis.h>

#include "tests/db/small_disk.hpp"
#include "tests/process/process_cluster.hpp"

namespace troupe::test {
namespace {

using words = std::vector<std::string>;

words durable(const std::string& fsync) {
  return {"--set", "caches.default.durable=true", "--set", "caches.default.fsync=" + fsync};
}

/// A connection to a node's RESP door; its answers as text.
class redis {
 public:
  explicit redis(const std::string& address) {
    const auto colon = address.rfind(':');
    context_ = redisConnect(address.substr(0, colon).c_str(), std::stoi(address.substr(colon + 1)));
  }
  ~redis() {
    if (context_ != nullptr) redisFree(context_);
  }
  redis(const redis&) = delete;
  redis& operator=(const redis&) = delete;

  /// None when the connection is gone.
  std::optional<std::string> ask(const words& command) {
    std::vector<const char*> parts;
    std::vector<std::size_t> sizes;
    for (const auto& w : command) parts.push_back(w.data()), sizes.push_back(w.size());
    auto* reply = static_cast<redisReply*>(
        redisCommandArgv(context_, static_cast<int>(parts.size()), parts.data(), sizes.data()));
    if (reply == nullptr) return std::nullopt;
    std::string text = reply->type == REDIS_REPLY_INTEGER ? std::to_string(reply->integer)
                       : reply->str == nullptr            ? std::string()
                                                          : std::string(reply->str, reply->len);
    freeReplyObject(reply);
    return text;
  }

 private:
  redisContext* context_ = nullptr;
};

/// Writers at one node's RESP door, each to its own keys, until the node is gone. What each key was acknowledged to be
/// last, and what was under way at the end.
class load {
 public:
  static constexpr int writers = 4;

  explicit load(const std::string& address) {
    for (int w = 0; w < writers; ++w) threads_.emplace_back([this, w, address] { run(w, address); });
  }
  ~load() { join(); }
  void join() {
    for (auto& t : threads_) {
      if (t.joinable()) t.join();
    }
  }
  [[nodiscard]] std::uint64_t acknowledged() const noexcept { return acknowledged_; }
  /// Every acknowledged value is there, or the one that was under way.
  void check(const std::string& address) {
    redis r(address);
    for (const auto& [key, value] : last_) {
      const auto found = r.ask({"GET", key});
      ASSERT_TRUE(found);
      EXPECT_TRUE(*found == value || *found == pending_[key]) << key << " is " << *found << ", was " << value;
    }
    for (int w = 0; w < writers; ++w) {
      const auto found = std::stoull(*r.ask({"LLEN", "list" + std::to_string(w)}));
      EXPECT_GE(found, pushed_[w]);
      EXPECT_LE(found, pushed_[w] + 1);
    }
  }

 private:
  void run(int w, const std::string& address) {
    redis r(address);
    for (std::uint64_t i = 0;; ++i) {
      const auto key = "w" + std::to_string(w) + "k" + std::to_string(i % 50);
      const auto value = std::to_string(i);
      {
        const std::lock_guard lock(mutex_);
        pending_[key] = value;
      }
      if (r.ask({"SET", key, value}) != "OK") return;
      {
        const std::lock_guard lock(mutex_);
        last_[key] = value;
      }
      if (!r.ask({"RPUSH", "list" + std::to_string(w), value})) return;
      const std::lock_guard lock(mutex_);
      ++pushed_[w];
      ++acknowledged_;
    }
  }

  std::mutex mutex_;
  std::map<std::string, std::string> last_, pending_;
  std::map<int, std::uint64_t> pushed_;
  std::atomic<std::uint64_t> acknowledged_{0};
  std::vector<std::thread> threads_;
};

class durable_node : public ::testing::TestWithParam<const char*> {};

TEST_P(durable_node, kill_9_under_load_loses_nothing_that_was_acknowledged) {
  single_node node(durable(GetParam()));
  for (int round = 0; round < 3; ++round) {
    redis(node.resp).ask({"FLUSHALL"});
    load writers(node.resp);
    ASSERT_TRUE(eventually([&] { return writers.acknowledged() > 300U; }));
    node.process->kill_at_once();
    writers.join();
    node.start();
    writers.check(node.resp);
  }
}

TEST_P(durable_node, a_graceful_stop_keeps_everything_and_times_to_live_go_on) {
  single_node node(durable(GetParam()));
  redis(node.resp).ask({"SET", "k", "v", "EX", "1000"});
  redis(node.resp).ask({"SADD", "s", "a", "b"});
  node.process->signal(SIGTERM);
  ASSERT_EQ(node.process->wait_exit(), 0);
  node.start();
  redis r(node.resp);
  EXPECT_EQ(r.ask({"GET", "k"}), "v");
  EXPECT_EQ(r.ask({"SCARD", "s"}), "2");
  const auto ttl = std::stoi(*r.ask({"TTL", "k"}));
  EXPECT_GT(ttl, 900);
  EXPECT_LE(ttl, 1000);
}

INSTANTIATE_TEST_SUITE_P(fsync, durable_node, ::testing::Values("always", "everysec", "no"),
                         [](const auto& tested) { return std::string(tested.param); });

std::string newest_segment(const single_node& node) {
  std::string newest;
  for (const auto& f : std::filesystem::directory_iterator(node.home.path() + "/data/durable"))
    newest = std::max(newest, f.path().string());
  return newest;
}

TEST(durable_files, a_torn_tail_and_garbage_are_cut_and_said) {
  single_node node(durable("everysec"));
  redis(node.resp).ask({"SET", "kept", "1"});
  redis(node.resp).ask({"SET", "torn", "2"});
  node.process->kill_at_once();
  const auto torn = newest_segment(node);
  std::filesystem::resize_file(torn, std::filesystem::file_size(torn) - 2);
  node.start();
  EXPECT_TRUE(node.process->wait_for("log_tail_cut")) << node.process->err();
  EXPECT_TRUE(node.process->wait_for(torn));
  EXPECT_EQ(redis(node.resp).ask({"GET", "kept"}), "1");
  EXPECT_EQ(redis(node.resp).ask({"GET", "torn"}), "");
  redis(node.resp).ask({"SET", "after", "3"});
  node.process->kill_at_once();
  std::ofstream(newest_segment(node), std::ios::app) << std::string(5000, 'x');
  node.start();
  EXPECT_EQ(redis(node.resp).ask({"GET", "after"}), "3");
}

TEST(durable_files, a_file_damaged_in_its_middle_or_foreign_stops_the_start_with_73_and_its_name) {
  single_node node(durable("everysec"));
  redis(node.resp).ask({"SET", "k", "v"});
  node.crash_and_restart();
  node.process->kill_at_once();
  const auto first = node.home.path() + "/data/durable/log-0000000001";
  const auto start_again = [&] {
    return run({"node", "--mode", "single", "--name", "solo", "--services", "http,resp,cache,db", "--data-dir",
                node.home.path() + "/data", "--http", "127.0.0.1:0", "--resp", "127.0.0.1:0", "--cluster",
                "127.0.0.1:0", "--set", "caches.default.durable=true"});
  };
  {
    std::fstream f(first, std::ios::in | std::ios::out | std::ios::binary);
    f.seekp(200);
    f.put('\xff');
  }
  const auto damaged = start_again();
  EXPECT_EQ(damaged.exit_code, 73);
  EXPECT_NE(damaged.err.find("log-0000000001: damaged at byte"), std::string::npos) << damaged.err;
  std::ofstream(first) << "something else altogether, by another program";
  const auto foreign = start_again();
  EXPECT_EQ(foreign.exit_code, 73);
  EXPECT_NE(foreign.err.find("no log of troupe"), std::string::npos) << foreign.err;
}

TEST(durable_files, a_full_disk_answers_misconf_says_so_in_health_and_recovers) {
  const temporary_directory home;
  const small_disk disk(home.path() + "/small");
  if (!disk.mounted()) GTEST_SKIP() << "this process may not mount a file system";
  auto extra = durable("always");
  extra.insert(extra.end(), {"--set", "node.data_dir=" + disk.path() + "/data"});
  const single_node node(extra);
  redis r(node.resp);
  EXPECT_EQ(r.ask({"SET", "first", "1"}), "OK");
  const auto ballast = disk.path() + "/ballast";
  {
    std::ofstream fill(ballast);
    while (fill << std::string(1024, 'b') << std::flush) {
    }
  }
  (void)r.ask({"SET", "unknown", std::string(50'000, 'x')});
  const auto refused = r.ask({"SET", "refused", "x"});
  ASSERT_TRUE(refused);
  EXPECT_TRUE(refused->starts_with("MISCONF Errors writing to the AOF file")) << *refused;
  EXPECT_EQ(http_call(node.url(), "PUT", "/v1/cache/default/refused", "x")->status, 503);
  EXPECT_EQ(http_call(node.url(), "GET", "/readyz")->status, 503);
  EXPECT_NE(http_call(node.url(), "GET", "/v1/cluster/health")->body.find("durability"), std::string::npos);
  std::filesystem::remove(ballast);
  EXPECT_TRUE(eventually([&] { return r.ask({"SET", "after", "2"}) == "OK"; }));
  EXPECT_TRUE(eventually([&] { return http_call(node.url(), "GET", "/readyz")->status == 200; }));
  EXPECT_EQ(r.ask({"GET", "first"}), "1");
}

class durable_cluster : public ::testing::TestWithParam<const char*> {};

TEST_P(durable_cluster, three_nodes_killed_at_once_under_load_have_every_acknowledged_write) {
  auto extra = durable(GetParam());
  extra.insert(extra.end(), {"--set", "cache.replicas=1"});
  process_cluster cluster(3, extra);
  std::atomic<bool> ending{false};
  std::map<std::string, std::string> acknowledged;
  std::string pending_key, pending_value;
  std::thread writer([&] {
    for (std::uint64_t i = 0; !ending; ++i) {
      pending_key = "k" + std::to_string(i % 400);
      pending_value = std::to_string(i);
      const auto a = http_call("http://" + cluster.at(i % 3).http, "PUT", "/v1/cache/default/" + pending_key,
                               pending_value, {}, std::chrono::seconds(2));
      if (!a || a->status != 204) return;
      acknowledged[pending_key] = pending_value;
    }
  });
  std::this_thread::yield();
  const bool enough = eventually([&] { return cluster.at(0).metric("troupe_durability_records_total") > 400; });
  for (std::size_t i = 0; i < 3; ++i) cluster.at(i).process->kill_at_once();
  ending = true;
  writer.join();
  ASSERT_TRUE(enough);
  ASSERT_GT(acknowledged.size(), 100U);
  for (std::size_t i = 0; i < 3; ++i) cluster.at(i).start();
  std::size_t wrong = 0;
  for (const auto& [key, value] : acknowledged) {
    // The shards are given back when all have shown what they hold.
    expected<http_answer> a;
    (void)eventually([&, &k = key] {
      a = http_call("http://" + cluster.at(1).http, "GET", "/v1/cache/default/" + k, {}, {}, patience);
      return a && a->status != 503;
    });
    const bool right = a && (a->body == value || (key == pending_key && a->body == pending_value));
    wrong += right ? 0 : 1;
    EXPECT_TRUE(right || wrong > 3) << key << " was " << value << ", is " << (a ? a->body : describe(a.error()));
  }
  EXPECT_EQ(wrong, 0U);
}

INSTANTIATE_TEST_SUITE_P(fsync, durable_cluster, ::testing::Values("always", "everysec", "no"),
                         [](const auto& tested) { return std::string(tested.param); });

TEST(backup, all_types_and_times_to_live_come_back_into_another_cluster) {
  const single_node from;
  redis r(from.resp);
  for (int i = 0; i < 1500; ++i) r.ask({"SET", "k" + std::to_string(i), std::string(100, 'v') + std::to_string(i)});
  r.ask({"RPUSH", "list", "a", "b"});
  r.ask({"HSET", "hash", "f", "1"});
  r.ask({"ZADD", "zset", "2.5", "m"});
  r.ask({"SADD", "set", "x"});
  r.ask({"SET", "short", "v", "EX", "500"});
  r.ask({"SET", std::string("bin\0ary", 7), std::string("\0\r\n", 3)});
  r.ask({"SET", "large", std::string(3'000'000, 'L')});
  const auto file = from.home.path() + "/backup";
  const auto made = run({"backup", file, "--http", from.url()});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_NE(made.err.find("1507 entries"), std::string::npos) << made.err;
  const auto counted = run({"restore", file, "--dry-run"});
  EXPECT_EQ(counted.exit_code, 0);
  EXPECT_EQ(counted.out, "1507 entries\n");

  const single_node to;
  const auto done = run({"restore", file, "--http", to.url()});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  redis s(to.resp);
  EXPECT_EQ(s.ask({"DBSIZE"}), "1507");
  EXPECT_EQ(s.ask({"GET", "k77"}), std::string(100, 'v') + "77");
  EXPECT_EQ(s.ask({"LINDEX", "list", "1"}), "b");
  EXPECT_EQ(s.ask({"HGET", "hash", "f"}), "1");
  EXPECT_EQ(s.ask({"ZSCORE", "zset", "m"}), "2.5");
  EXPECT_EQ(s.ask({"GET", std::string("bin\0ary", 7)}), std::string("\0\r\n", 3));
  EXPECT_EQ(s.ask({"STRLEN", "large"}), "3000000");
  const auto ttl = std::stoi(*s.ask({"TTL", "short"}));
  EXPECT_GT(ttl, 400);
  EXPECT_LE(ttl, 500);
}

TEST(backup, a_file_that_is_damaged_or_cut_off_is_refused_whole) {
  const single_node node;
  redis r(node.resp);
  for (int i = 0; i < 50; ++i) r.ask({"SET", "k" + std::to_string(i), std::string(2000, 'v')});
  const auto file = node.home.path() + "/backup";
  ASSERT_EQ(run({"backup", file, "--http", node.url()}).exit_code, 0);
  r.ask({"FLUSHALL"});
  const auto size = std::filesystem::file_size(file);
  const auto copy = node.home.path() + "/copy";
  for (const auto cut : {std::uintmax_t{0}, std::uintmax_t{10}, size / 2, size - 1}) {
    std::filesystem::copy_file(file, copy, std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(copy, cut);
    const auto o = run({"restore", copy, "--http", node.url()});
    EXPECT_EQ(o.exit_code, 1) << cut;
    EXPECT_EQ(r.ask({"DBSIZE"}), "0");
  }
  std::filesystem::copy_file(file, copy, std::filesystem::copy_options::overwrite_existing);
  {
    std::fstream f(copy, std::ios::in | std::ios::out | std::ios::binary);
    f.seekp(static_cast<std::streamoff>(size / 2));
    f.put('\1');
  }
  const auto o = run({"restore", copy, "--http", node.url()});
  EXPECT_EQ(o.exit_code, 1);
  EXPECT_NE(o.err.find("nothing was written"), std::string::npos) << o.err;
  EXPECT_EQ(r.ask({"DBSIZE"}), "0");
  EXPECT_EQ(run({"restore", file, "--http", node.url()}).exit_code, 0);
  EXPECT_EQ(r.ask({"DBSIZE"}), "50");
  EXPECT_EQ(run({"backup", "/no/such/directory/file", "--http", node.url()}).exit_code, 73);
  EXPECT_EQ(run({"backup", copy, "--http", "http://127.0.0.1:1"}).exit_code, 69);
}

TEST(backup, of_a_cluster_goes_through_any_of_its_nodes_and_through_a_pipe) {
  process_cluster cluster(3);
  for (int i = 0; i < 300; ++i)
    (void)http_call("http://" + cluster.at(static_cast<std::size_t>(i % 3)).http, "PUT",
                    "/v1/cache/default/k" + std::to_string(i), "v", {}, patience);
  const auto piped = run({"backup", "-", "--http", "http://" + cluster.at(2).http});
  ASSERT_EQ(piped.exit_code, 0) << piped.err;
  const single_node to;
  const auto restored = run({"restore", "-", "--http", to.url()}, {}, piped.out);
  EXPECT_EQ(restored.exit_code, 0) << restored.err;
  EXPECT_EQ(redis(to.resp).ask({"DBSIZE"}), "300");
  const auto half = run({"restore", "-", "--http", to.url()}, {}, piped.out.substr(0, piped.out.size() / 2));
  EXPECT_EQ(half.exit_code, 1);
  EXPECT_NE(half.err.find("entries applied"), std::string::npos) << half.err;
}

}  // namespace
}  // namespace troupe::test
