// Real nodes with a secret on loopback: they meet by any live seed, keep strangers out, and a seed that
// lost everything joins the living instead of founding another cluster.
#include <troupe/local_cluster.hpp>

#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;

class secure_cluster_test : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "troupe-secure-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    write("secret", "correct horse battery staple\n");
  }
  void TearDown() override {
    cluster_.reset();
    std::filesystem::remove_all(directory_);
  }

  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(directory_ + "/" + name, std::ios::binary) << text;
    return directory_ + "/" + name;
  }
  [[nodiscard]] std::string data_dir(std::size_t index) const { return directory_ + "/d" + std::to_string(index); }

  void start(const std::function<void(config&, std::size_t)>& more = {}) {
    local_cluster_options options;
    options.services = {"cache"};
    options.adjust = [this, more](config& c, std::size_t index) {
      c.cluster.secret_file = directory_ + "/secret";
      c.node.data_dir = data_dir(index);
      if (more) more(c, index);
    };
    auto started = local_cluster::start(std::move(options));
    ASSERT_TRUE(started) << describe(started.error());
    cluster_.emplace(std::move(*started));
  }

  /// A node beside the cluster, whose seeds are the first node's address.
  [[nodiscard]] config stranger(const std::string& name, const std::string& secret_file) {
    config c;
    c.node.name = name;
    c.node.services = {"cache"};
    c.node.data_dir = directory_ + "/" + name;
    c.node.io_threads = 1;
    c.cluster.bind = "127.0.0.1:0";
    c.cluster.expected_members = 3;
    c.cluster.seeds = {cluster_->at(0).addresses().cluster};
    c.cluster.secret_file = secret_file;
    c.gossip.profile = "fast";
    c.log.level = "error";
    return c;
  }

  std::string directory_;
  std::optional<local_cluster> cluster_;
};

/// The words of the first event of that kind.
class event_words {
 public:
  event_words(node& n, std::string kind) : kind_(std::move(kind)) {
    n.on_event([this](const event& e) {
      if (e.kind != kind_) return;
      const std::lock_guard lock(mutex_);
      for (const auto& [key, value] : e.fields) words_ += key + "=" + value + " ";
    });
  }
  [[nodiscard]] std::string read() {
    const std::lock_guard lock(mutex_);
    return words_;
  }

 private:
  const std::string kind_;
  std::mutex mutex_;
  std::string words_;
};

TEST_F(secure_cluster_test, three_nodes_with_one_secret_are_a_cluster_and_serve) {
  start();
  auto cache = *cluster_->at(0).open_cache();
  for (int k = 0; k < 30; ++k) EXPECT_TRUE(cache.put("k" + std::to_string(k), "v"));
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(std::filesystem::exists(data_dir(i) + "/keyring"));
}

TEST_F(secure_cluster_test, a_wrong_secret_and_none_are_refused_in_clear_words) {
  start();
  for (const auto& secret_file : {write("other", "guess"), std::string()}) {
    auto joiner = node::start(stranger("x", secret_file));
    ASSERT_TRUE(joiner) << describe(joiner.error());
    event_words blocked(*joiner, "join_blocked");
    EXPECT_TRUE(cluster_->wait_until([&](local_cluster&) { return !blocked.read().empty(); }));
    EXPECT_NE(blocked.read().find("secret"), std::string::npos) << blocked.read();
    for (const auto& m : cluster_->at(0).view()->members) EXPECT_NE(m.name, "x");
    joiner->stop();
    std::filesystem::remove_all(directory_ + "/x");
  }
  EXPECT_TRUE(cluster_->converged());
}

TEST_F(secure_cluster_test, a_seed_that_lost_its_disk_joins_the_living_instead_of_founding) {
  start();
  const auto term = cluster_->at(1).view()->leader_now->term;
  cluster_->kill(0);
  std::filesystem::remove_all(data_dir(0));
  ASSERT_TRUE(cluster_->restart(0));
  ASSERT_TRUE(cluster_->wait_until([](local_cluster& c) { return c.converged(); }));
  EXPECT_EQ(cluster_->at(0).view()->members.size(), 3u);
  EXPECT_GE(cluster_->at(0).view()->leader_now->term, term);
  EXPECT_GT(cluster_->at(0).view()->pid, 3u) << "a new member of the old cluster: PIDs go on";
}

TEST_F(secure_cluster_test, a_first_seed_without_seeds_of_its_own_founds_no_second_cluster) {
  start([](config& c, std::size_t index) {
    if (index == 0) c.cluster.seeds.clear();
  });
  for (const bool with_disk : {true, false}) {
    cluster_->kill(0);
    if (!with_disk) std::filesystem::remove_all(data_dir(0));
    ASSERT_TRUE(cluster_->restart(0));
    ASSERT_TRUE(cluster_->wait_until([](local_cluster& c) { return c.converged(); })) << with_disk;
    EXPECT_EQ(cluster_->at(0).view()->leader_now->name, cluster_->at(1).view()->leader_now->name);
  }
}

TEST_F(secure_cluster_test, one_live_seed_among_dead_ones_is_enough) {
  start();
  auto c = stranger("n4", directory_ + "/secret");
  c.cluster.seeds = {"127.0.0.1:1", "127.0.0.1:2", cluster_->at(2).addresses().cluster};
  auto joiner = node::start(c);
  ASSERT_TRUE(joiner) << describe(joiner.error());
  EXPECT_TRUE(cluster_->wait_until([&](local_cluster&) { return joiner->view()->members.size() == 4; }));
}

TEST_F(secure_cluster_test, a_file_of_seeds_is_read_again_while_a_node_searches) {
  start();
  auto c = stranger("n4", directory_ + "/secret");
  c.cluster.seeds.clear();
  c.cluster.seeds_file = write("seeds", "# nobody yet\n127.0.0.1:1\n");
  auto joiner = node::start(c);
  ASSERT_TRUE(joiner) << describe(joiner.error());
  EXPECT_FALSE(joiner->view()->leader_now) << "it founds nothing";
  write("seeds", "127.0.0.1:1\n" + cluster_->at(1).addresses().cluster + "\n");
  EXPECT_TRUE(cluster_->wait_until([&](local_cluster&) { return joiner->view()->members.size() == 4; }));
}

TEST_F(secure_cluster_test, members_that_know_no_seed_meet_by_multicast) {
  const auto pid = static_cast<unsigned>(::getpid());
  const auto group = "239.255." + std::to_string(pid / 250 % 250) + "." + std::to_string(pid % 250) + ":" +
                     std::to_string(30000 + pid % 20000);
  start([group](config& c, std::size_t) {
    c.cluster.seeds.clear();
    c.cluster.multicast = group;
  });
  EXPECT_TRUE(cluster_->converged());
}

TEST_F(secure_cluster_test, a_host_name_among_the_seeds_is_resolved) {
  start();
  auto c = stranger("n4", directory_ + "/secret");
  const auto seed = cluster_->at(0).addresses().cluster;
  c.cluster.seeds = {"localhost" + seed.substr(seed.rfind(':'))};
  auto joiner = node::start(c);
  ASSERT_TRUE(joiner) << describe(joiner.error());
  EXPECT_TRUE(cluster_->wait_until([&](local_cluster&) { return joiner->view()->members.size() == 4; }));
}

}  // namespace
}  // namespace troupe
