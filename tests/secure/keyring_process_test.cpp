// Three real processes with a secret: the keys are rotated by the program while clients write and read.
#include <array>
#include <atomic>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "gateways/http/client.hpp"
#include "tests/process/program.hpp"

namespace troupe::test {
namespace {

using nlohmann::json;

const std::string key_b = "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=";

class cluster_of_processes {
 public:
  static constexpr int size = 3;

  cluster_of_processes() : secret_(home_.write("secret", "correct horse battery staple\n")) {
    for (int i = 0; i < size; ++i) start(i);
  }

  void start(int i) {
    std::vector<std::string> words{"node",
                                   "--services",
                                   "http,cache",
                                   "--name",
                                   "n" + std::to_string(i + 1),
                                   "--data-dir",
                                   home_.path() + "/d" + std::to_string(i),
                                   "--http",
                                   "127.0.0.1:0",
                                   "--cluster",
                                   cluster_[i].empty() ? "127.0.0.1:0" : cluster_[i],
                                   "--set",
                                   "cluster.expected_members=3",
                                   "--set",
                                   "gossip.profile=fast",
                                   "--set",
                                   "cluster.secret_file=" + secret_};
    for (const auto& other : cluster_) {
      if (!other.empty() && other != cluster_[i]) words.insert(words.end(), {"--seeds", other});
    }
    nodes_[i] = std::make_unique<program>(words);
    ASSERT_TRUE(nodes_[i]->wait_for("Try:")) << nodes_[i]->err();
    http_[i] = "http://" + word_after(nodes_[i]->out(), "http://");
    cluster_[i] = word_after(nodes_[i]->out(), "  cluster ");
  }
  void stop(int i) { nodes_[i]->kill_at_once(); }

  [[nodiscard]] const std::string& url(int i) const { return http_[i]; }
  [[nodiscard]] const std::string& cluster_address(int i) const { return cluster_[i]; }
  [[nodiscard]] const std::string& secret_file() const { return secret_; }
  [[nodiscard]] bool wait_for(int i, const std::string& words) { return nodes_[i]->wait_for(words); }
  [[nodiscard]] bool all_ready() const {
    const auto end = std::chrono::steady_clock::now() + patience;
    for (int i = 0; i < size; ++i) {
      for (;;) {
        const auto answer = http_call(http_[i], "GET", "/readyz");
        const auto members = http_call(http_[i], "GET", "/v1/cluster");
        if (answer && answer->status == 200 && members &&
            json::parse(members->body)["counts"]["alive"].get<int>() == size)
          break;
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::yield();
      }
    }
    return true;
  }
  [[nodiscard]] std::size_t events_of(int i, const std::string& kind) const {
    const auto log = nodes_[i]->err();
    std::size_t count = 0;
    for (auto at = log.find(kind); at != log.npos; at = log.find(kind, at + 1)) ++count;
    return count;
  }
  [[nodiscard]] outcome keyring(int i, std::vector<std::string> words) const {
    words.insert(words.begin(), "keyring");
    words.insert(words.end(), {"--http", http_[i]});
    return run(words);
  }

 private:
  temporary_directory home_;
  std::string secret_;
  std::array<std::unique_ptr<program>, size> nodes_;
  std::array<std::string, size> http_;
  std::array<std::string, size> cluster_;
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string primary_at(const cluster_of_processes& c, int i) {
  return json::parse(c.keyring(i, {"list", "--json"}).out)["primary"];
}

TEST(keyring_process, rotates_the_key_of_a_cluster_at_work_and_keeps_it_over_a_restart) {
  cluster_of_processes c;
  ASSERT_TRUE(c.all_ready());
  const auto old_key = primary_at(c, 0);

  std::atomic<bool> stop{false};
  std::atomic<int> done{0};
  std::atomic<int> failed{0};
  std::thread client([&] {
    for (int k = 0; !stop; ++k) {
      const auto target = "/v1/cache/default/k" + std::to_string(k % 100);
      const auto put = http_call(c.url(k % 3), "PUT", target, std::to_string(k));
      const auto got = http_call(c.url((k + 1) % 3), "GET", target);
      const bool fine = put && put->status / 100 == 2 && got && got->body == std::to_string(k);
      ++(fine ? done : failed);
    }
  });
  for (const auto& words : {std::vector<std::string>{"install", key_b}, {"use", key_b}, {"remove", old_key}}) {
    const auto before = done.load();
    const auto o = c.keyring(1, words);
    EXPECT_EQ(o.exit_code, 0) << o.out << o.err;
    for (const auto* name : {"n1", "n2", "n3"}) EXPECT_TRUE(has(o.out, name)) << o.out;
    const auto end = std::chrono::steady_clock::now() + patience;
    while (done < before + 50 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  }
  stop = true;
  client.join();
  EXPECT_GE(done.load(), 150);
  EXPECT_EQ(failed.load(), 0);
  EXPECT_TRUE(c.all_ready());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(c.events_of(i, "member_suspect"), 0u);
    EXPECT_EQ(c.events_of(i, "peer_lost"), 0u);
    EXPECT_NE(primary_at(c, i), old_key);
  }
  c.stop(0);
  c.start(0);
  EXPECT_TRUE(c.all_ready()) << "a restarted node comes back with the new ring and the old secret file";
  const auto list = c.keyring(0, {"list"});
  EXPECT_EQ(list.exit_code, 0);
  EXPECT_TRUE(has(list.out, "3 of 3")) << list.out;
  EXPECT_FALSE(has(list.out, old_key));
  EXPECT_FALSE(has(list.out + list.err, key_b)) << "a key is never shown";
}

TEST(keyring_process, a_joiner_with_the_old_secret_file_is_let_in_and_given_the_ring) {
  cluster_of_processes c;
  ASSERT_TRUE(c.all_ready());
  const auto old_key = primary_at(c, 0);
  ASSERT_EQ(c.keyring(0, {"install", key_b}).exit_code, 0);
  ASSERT_EQ(c.keyring(0, {"use", key_b}).exit_code, 0);
  const temporary_directory home;
  program joiner({"node", "--services", "cache", "--name", "n4", "--data-dir", home.path() + "/d", "--cluster",
                  "127.0.0.1:0", "--seeds", c.cluster_address(1), "--set", "cluster.expected_members=3", "--set",
                  "gossip.profile=fast", "--set", "cluster.secret_file=" + c.secret_file()});
  EXPECT_TRUE(joiner.wait_for("keyring_taken_over")) << joiner.err();
  EXPECT_TRUE(joiner.wait_for("pid_given name=n4")) << joiner.err();
  const auto removed = c.keyring(0, {"remove", old_key});
  EXPECT_EQ(removed.exit_code, 0) << removed.out;
  EXPECT_TRUE(has(removed.out, "n4")) << removed.out;
}

TEST(keyring_process, a_member_that_was_away_while_its_primary_was_removed_finds_back_by_its_other_key) {
  cluster_of_processes c;
  ASSERT_TRUE(c.all_ready());
  const auto old_key = primary_at(c, 0);
  ASSERT_EQ(c.keyring(0, {"install", key_b}).exit_code, 0);
  c.stop(2);
  // As long as n3 counts as live, a change waits for it.
  const auto end = std::chrono::steady_clock::now() + patience;
  while (c.keyring(0, {"use", key_b}).exit_code != 0 && std::chrono::steady_clock::now() < end) {
  }
  ASSERT_EQ(c.keyring(0, {"remove", old_key}).exit_code, 0);
  c.start(2);
  EXPECT_TRUE(c.all_ready());
  EXPECT_TRUE(c.wait_for(2, "keyring_taken_over"));
  const auto list = c.keyring(2, {"list"});
  EXPECT_TRUE(has(list.out, "3 of 3")) << list.out;
  EXPECT_FALSE(has(list.out, old_key)) << list.out;
}

TEST(keyring_process, refuses_with_exit_code_1_and_says_where) {
  cluster_of_processes c;
  ASSERT_TRUE(c.all_ready());
  const auto old_key = primary_at(c, 0);
  const auto removed = c.keyring(0, {"remove", old_key});
  EXPECT_EQ(removed.exit_code, 1);
  EXPECT_TRUE(has(removed.out, "primary")) << removed.out;
  EXPECT_EQ(c.keyring(0, {"use", key_b}).exit_code, 1);
  EXPECT_EQ(c.keyring(0, {"install", "nonsense"}).exit_code, 64);
  EXPECT_EQ(c.keyring(0, {"install", key_b}).exit_code, 0);
  EXPECT_EQ(run({"keyring", "list", "--http", "http://127.0.0.1:1"}).exit_code, 69);
  EXPECT_EQ(run({"keyring"}).exit_code, 64);
}

TEST(keyring_process, a_node_without_a_secret_has_no_key_ring) {
  const single_node solo;
  const auto o = run({"keyring", "list", "--http", solo.url()});
  EXPECT_EQ(o.exit_code, 1);
  EXPECT_TRUE(has(o.err, "no secret")) << o.err;
}

}  // namespace
}  // namespace troupe::test
