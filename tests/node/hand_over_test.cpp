// Shards that move between real nodes while clients read and write: no error, nothing lost.
#include <troupe/local_cluster.hpp>

#include <algorithm>
#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace troupe {
namespace {

constexpr int keys = 400;

std::string key_of(int k) { return "key" + std::to_string(k); }
std::string value_of(int k) { return std::string(200, static_cast<char>('a' + k % 26)) + std::to_string(k); }

std::size_t shards_of(const node& at, const std::string& name) {
  const auto view = at.view();
  return static_cast<std::size_t>(
      std::count_if(view->shards.begin(), view->shards.end(), [&](const auto& s) { return s.primary == name; }));
}

/// Reads every key and counts up a number of its own, again and again, at one node.
class busy_client {
 public:
  explicit busy_client(cache c) : cache_(std::move(c)), thread_([this] { run(); }) {}
  ~busy_client() { stop(); }

  void stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  /// After stop().
  [[nodiscard]] const std::vector<std::string>& faults() const noexcept { return faults_; }
  [[nodiscard]] std::uint64_t rounds() const noexcept { return rounds_; }

 private:
  void run() {
    while (!stopping_) {
      const int k = static_cast<int>(rounds_ % keys);
      const auto found = cache_.get(key_of(k));
      if (!found)
        faults_.push_back(key_of(k) + ": " + describe(found.error()));
      else if (found->bytes != value_of(k))
        faults_.push_back(key_of(k) + " has another value");
      const auto own = "own" + std::to_string(k);
      const auto before = cache_.get(own);
      if (written_.contains(k) && (!before || before->bytes != written_[k])) faults_.push_back(own + " went back");
      const auto next = std::to_string(rounds_);
      if (const auto put = cache_.put(own, next); put)
        written_[k] = next;
      else
        faults_.push_back(own + ": " + describe(put.error()));
      ++rounds_;
    }
  }

  cache cache_;
  std::map<int, std::string> written_;
  std::vector<std::string> faults_;
  std::atomic<std::uint64_t> rounds_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

struct hand_over_of_three : ::testing::Test {
  void SetUp() override {
    local_cluster_options options;
    options.services = {"cache"};
    auto started = local_cluster::start(std::move(options));
    ASSERT_TRUE(started) << describe(started.error());
    cluster.emplace(std::move(*started));
  }
  void fill() {
    auto c = *cluster->at(0).open_cache();
    for (int k = 0; k < keys; ++k) ASSERT_TRUE(c.put(key_of(k), value_of(k)));
  }
  void expect_all(std::size_t at) {
    auto c = *cluster->at(at).open_cache();
    for (int k = 0; k < keys; ++k) {
      const auto found = c.get(key_of(k));
      ASSERT_TRUE(found) << key_of(k) << ": " << describe(found.error());
      EXPECT_EQ(found->bytes, value_of(k));
    }
  }
  static void expect_undisturbed(busy_client& client) {
    client.stop();
    EXPECT_TRUE(client.faults().empty()) << client.faults().size() << " faults, the first: " << client.faults().front();
    EXPECT_GT(client.rounds(), 0U);
  }

  std::optional<local_cluster> cluster;
};

TEST_F(hand_over_of_three, a_node_that_comes_back_gets_its_share_and_nobody_notices) {
  cluster->kill(2);
  ASSERT_TRUE(cluster->wait_until([](local_cluster& c) {
    return shards_of(c.at(0), "n1") + shards_of(c.at(0), "n2") == c.at(0).view()->shards.size();
  }));
  fill();
  busy_client client(*cluster->at(0).open_cache());
  ASSERT_TRUE(cluster->restart(2));
  ASSERT_TRUE(cluster->wait_until([](local_cluster& c) { return shards_of(c.at(0), "n3") >= 85 && c.converged(); }));
  expect_undisturbed(client);
  expect_all(2);
}

TEST_F(hand_over_of_three, a_node_that_leaves_hands_over_first_and_nobody_notices) {
  fill();
  const auto leaver = cluster->leader();
  const auto stays = leaver == 0 ? 1U : 0U;
  busy_client client(*cluster->at(stays).open_cache());
  ASSERT_TRUE(cluster->leave(leaver));
  ASSERT_TRUE(cluster->wait_until([](local_cluster& c) { return c.leader() < c.size(); }));
  expect_undisturbed(client);
  expect_all(stays);
}

}  // namespace
}  // namespace troupe
