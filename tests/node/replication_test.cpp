// Copies of shards on real nodes: nodes are killed, paused and cut off while clients write at all of them, and no
// acknowledged write is lost.
#include <troupe/local_cluster.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t keys = 60;  // of one client: in nearly as many shards

/// Counts its keys up, one after the other, and reads each before: a value that went back is a lost write. Its node
/// may be killed under it; then it goes on at another.
class counting_client {
 public:
  counting_client(std::string name, std::vector<cache> at) : name_(std::move(name)), at_(std::move(at)) {
    thread_ = std::thread([this] { run(); });
  }
  ~counting_client() { stop(); }

  void stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] std::uint64_t acknowledged() const noexcept { return acknowledged_; }
  /// After stop().
  [[nodiscard]] const std::vector<std::string>& faults() const noexcept { return faults_; }

 private:
  struct counter {
    std::uint64_t acknowledged = 0;
    std::uint64_t tried = 0;  // it may be as high as this
  };

  void run() {
    for (std::size_t k = 0; !stopping_; k = (k + 1) % keys) {
      auto& c = counters_[k];
      const auto key = name_ + std::to_string(k);
      auto& door = at_[turn_ % at_.size()];
      const auto found = door.get(key, 1s);
      if (!found && found.error().code != errc::not_found) {
        ++turn_;
        continue;
      }
      const std::uint64_t value = found ? std::stoull(found->bytes) : 0;
      if (value < c.acknowledged || value > c.tried) {
        faults_.push_back(key + " is " + std::to_string(value) + ", acknowledged " + std::to_string(c.acknowledged) +
                          ", tried " + std::to_string(c.tried));
      }
      c.acknowledged = value;  // a read is an acknowledgement too
      c.tried = std::max(c.tried, value) + 1;
      if (door.put(key, std::to_string(c.tried), {}, 1s)) {
        c.acknowledged = c.tried;
        ++acknowledged_;
      } else {
        ++turn_;
      }
    }
  }

  const std::string name_;
  std::vector<cache> at_;
  std::size_t turn_ = 0;
  std::array<counter, keys> counters_{};
  std::vector<std::string> faults_;
  std::atomic<std::uint64_t> acknowledged_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

struct replicated_three : ::testing::Test {
  void SetUp() override {
    local_cluster_options options;
    options.services = {"cache"};
    options.adjust = [](config& c, std::size_t) { c.cache.replicas = 1; };
    auto started = local_cluster::start(std::move(options));
    ASSERT_TRUE(started) << describe(started.error());
    cluster.emplace(std::move(*started));
    ASSERT_TRUE(wait_green());
  }
  [[nodiscard]] bool wait_green() {
    return cluster->wait_until([](local_cluster& c) {
      bool all = c.converged();
      for (std::size_t i = 0; all && i < c.size(); ++i) {
        all = !c.running(i) || c.paused(i) || c.at(i).view()->health.status == health_status::green;
      }
      return all;
    });
  }
  /// At the nodes but `without`, which is going to be killed.
  [[nodiscard]] std::unique_ptr<counting_client> client(const std::string& name, std::size_t without) {
    std::vector<cache> doors;
    for (std::size_t i = 0; i < cluster->size(); ++i) {
      if (i != without) doors.push_back(*cluster->at(i).open_cache());
    }
    return std::make_unique<counting_client>(name, std::move(doors));
  }
  void write_on(const counting_client& c, std::uint64_t more) {
    const auto before = c.acknowledged();
    EXPECT_TRUE(cluster->wait_until([&](local_cluster&) { return c.acknowledged() >= before + more; }));
  }
  static void expect_no_faults(counting_client& c) {
    c.stop();
    EXPECT_TRUE(c.faults().empty()) << c.faults().size() << " faults, the first: " << c.faults().front();
  }
  [[nodiscard]] std::size_t victim(bool leads) { return leads ? cluster->leader() : (cluster->leader() + 1) % 3; }

  std::optional<local_cluster> cluster;
};

TEST_F(replicated_three, a_killed_node_takes_no_acknowledged_write_with_it) {
  for (const bool leads : {false, true}) {
    const auto n = victim(leads);
    const auto writer = client(leads ? "a" : "b", n);
    write_on(*writer, 200);
    cluster->kill(n);
    write_on(*writer, 500);
    expect_no_faults(*writer);
    ASSERT_TRUE(wait_green()) << "two nodes hold each value twice";
    ASSERT_TRUE(cluster->restart(n));
    ASSERT_TRUE(wait_green());
  }
}

TEST_F(replicated_three, a_node_that_stood_still_serves_nothing_old) {
  const auto n = victim(false);
  const auto writer = client("p", n);
  write_on(*writer, 200);
  cluster->pause(n);
  write_on(*writer, 500);
  cluster->resume(n);
  ASSERT_TRUE(wait_green());
  write_on(*writer, 200);
  expect_no_faults(*writer);
}

TEST_F(replicated_three, a_node_that_is_cut_off_acknowledges_nothing) {
  const auto n = victim(true);
  const auto writer = client("c", n);
  auto cut_off = *cluster->at(n).open_cache();
  write_on(*writer, 200);
  cluster->partition({n});
  write_on(*writer, 500);
  for (std::size_t k = 0; k < 8; ++k) EXPECT_FALSE(cut_off.put("lonely" + std::to_string(k), "x", {}, 50ms));
  cluster->heal();
  ASSERT_TRUE(wait_green());
  write_on(*writer, 200);
  expect_no_faults(*writer);
}

TEST_F(replicated_three, a_leaver_and_a_joiner_disturb_no_client) {
  const auto n = victim(false);
  const auto writer = client("m", n);
  write_on(*writer, 200);
  ASSERT_TRUE(cluster->leave(n));
  ASSERT_TRUE(wait_green());
  ASSERT_TRUE(cluster->restart(n));
  ASSERT_TRUE(wait_green());
  write_on(*writer, 200);
  expect_no_faults(*writer);
}

// Paused, the primaries answer nobody: only what this node holds itself is read at once.
TEST(replicated_caches, a_stale_cache_is_read_from_the_copy_at_hand) {
  local_cluster_options options;
  options.services = {"cache"};
  options.adjust = [](config& c, std::size_t) {
    c.cache.replicas = 2;
    c.caches["near"].consistency = "stale";
    c.caches["near"].replicas = 2;
  };
  auto started = local_cluster::start(std::move(options));
  ASSERT_TRUE(started) << describe(started.error());
  auto& cluster = *started;
  const auto name = [&](std::size_t i) { return cluster.at(i).view()->node; };
  auto writer = *cluster.at(0).open_cache("near");
  auto reader = *cluster.at(1).open_cache("near");
  ASSERT_TRUE(cluster.wait_until([&](local_cluster& c) {
    const auto v = c.at(1).view();
    return std::all_of(v->shards.begin(), v->shards.end(), [&](const auto& s) {
      return s.primary == name(1) || std::find(s.in_sync.begin(), s.in_sync.end(), name(1)) != s.in_sync.end();
    });
  }));
  for (int k = 0; k < 40; ++k) ASSERT_TRUE(writer.put("k" + std::to_string(k), "v"));
  cluster.pause(0);
  cluster.pause(2);
  std::size_t found = 0;
  for (int k = 0; k < 40; ++k) found += reader.get("k" + std::to_string(k), 20ms) ? 1 : 0;
  EXPECT_EQ(found, 40U) << "also those whose primaries stand still";
  cluster.resume(0);
  cluster.resume(2);
}

}  // namespace
}  // namespace troupe
