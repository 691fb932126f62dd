// Who may not join, or cannot: told why in words, tries again, and disturbs nobody.
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <gtest/gtest.h>

#include "tests/process/free_port.hpp"
#include "tests/process/process_cluster.hpp"

namespace troupe::test {
namespace {

using words = node_program::words;

class cluster_join : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { shared_ = std::make_unique<process_cluster>(3); }
  static void TearDownTestSuite() { shared_.reset(); }

  [[nodiscard]] process_cluster& cluster() { return *shared_; }
  [[nodiscard]] words joining(const words& extra) {
    auto all = cluster().joining();
    all.insert(all.end(), extra.begin(), extra.end());
    return all;
  }
  [[nodiscard]] double refused_joiners() {
    double sum = 0;
    for (std::size_t i = 0; i < cluster().size(); ++i) {
      sum += cluster().at(i).metric("troupe_cluster_joiners_refused_total");
    }
    return sum;
  }
  [[nodiscard]] bool cluster_logged(const std::string& text) {
    for (std::size_t i = 0; i < cluster().size(); ++i) {
      if (cluster().at(i).logged(text)) return true;
    }
    return false;
  }

  void expect_refused(const std::string& name, const words& extra, const std::string& why) {
    const double before = refused_joiners();
    const node_program joiner(name, joining(extra));
    EXPECT_TRUE(eventually([&] { return joiner.logged("join_refused") && joiner.logged(why); }))
        << joiner.process->err();
    EXPECT_TRUE(eventually([&] { return joiner.metric("troupe_cluster_joins_refused_total") > 0; }));
    EXPECT_TRUE(eventually([&] { return refused_joiners() > before; }));
    EXPECT_TRUE(eventually([&] { return cluster_logged("joiner_refused name=" + name); }));
    EXPECT_FALSE(joiner.ready());
    EXPECT_TRUE(cluster().undisturbed());
  }

  static std::unique_ptr<process_cluster> shared_;
};

std::unique_ptr<process_cluster> cluster_join::shared_;

TEST(cluster_of_one_voter, takes_who_was_told_it_as_a_seed) {
  process_cluster cluster(3, {"--set", "cluster.expected_members=1"});
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    EXPECT_EQ(cluster.at(i).get("/v1/cluster/leader")["name"], "n1");
    EXPECT_FALSE(cluster.at(i).logged("join_refused"));
  }
}

TEST(cluster_of_one_voter, is_founded_once_by_those_who_look_for_one) {
  const auto nobody = "127.0.0.1:" + std::to_string(free_port());
  const node_program one("one", {"--seeds", nobody});
  EXPECT_TRUE(eventually([&] { return one.logged("join_unanswered"); }));
  EXPECT_FALSE(one.ready());
  const node_program other("other", {"--seeds", one.cluster});
  EXPECT_TRUE(eventually([&] { return one.ready() && other.ready(); }));
  EXPECT_EQ(one.get("/v1/cluster/leader")["name"], other.get("/v1/cluster/leader")["name"]);
  EXPECT_EQ(one.sees("other").second, "alive");
}

TEST_F(cluster_join, another_cluster_name_is_refused) {
  expect_refused("stranger", {"--set", "cluster.name=other"}, "this is cluster 'troupe', not 'other'");
}

TEST_F(cluster_join, another_expected_members_is_refused) {
  expect_refused("counter", {"--set", "cluster.expected_members=5"}, "expected_members is 3 here, not 5");
}

TEST_F(cluster_join, another_number_of_shards_is_refused) {
  expect_refused("sharded", {"--set", "cache.shards=64"}, "it has cache.shards = 64, this cluster 256");
}

TEST_F(cluster_join, another_lease_is_refused) {
  expect_refused("lessee", {"--set", "election.lease=900ms"}, "it has election.lease = 900ms, this cluster 2000ms");
}

TEST_F(cluster_join, a_name_that_is_in_use_at_another_address_is_refused) {
  const auto holder = cluster().at(1).sees("n2");
  expect_refused("n2", {}, "n2");
  EXPECT_EQ(cluster().at(0).sees("n2"), holder);
}

TEST_F(cluster_join, who_is_refused_tries_again_and_is_taken_when_it_is_right) {
  const node_program joiner("late", joining({"--set", "cluster.name=other"}));
  EXPECT_TRUE(eventually([&] { return joiner.metric("troupe_cluster_joins_refused_total") >= 2; }));
  EXPECT_TRUE(cluster().undisturbed());
  const node_program right("late", joining({}));
  EXPECT_TRUE(eventually([&] { return right.ready(); })) << right.reasons();
  EXPECT_TRUE(cluster().undisturbed());
}

TEST_F(cluster_join, a_seed_that_is_no_node_is_passed_over) {
  boost::asio::io_context loop;
  using tcp = boost::asio::ip::tcp;
  const tcp::acceptor silent(loop, {boost::asio::ip::address_v4::loopback(), 0});
  const auto silent_seed = "127.0.0.1:" + std::to_string(silent.local_endpoint().port());
  const auto http_seed = cluster().at(0).http;

  const node_program lost("lost", {"--seeds", silent_seed + "," + http_seed, "--set", "cluster.expected_members=3"});
  EXPECT_TRUE(lost.process->wait_for("join_unanswered name=lost")) << lost.process->err();
  EXPECT_TRUE(lost.logged(silent_seed)) << lost.process->err();
  EXPECT_NE(lost.reasons().find("leader"), std::string::npos) << lost.reasons();
  const node_program joiner("guest", joining({"--seeds", silent_seed, "--seeds", http_seed}));
  EXPECT_TRUE(eventually([&] { return joiner.ready(); })) << joiner.reasons();
  EXPECT_FALSE(lost.ready());
  EXPECT_TRUE(cluster().undisturbed());
}

TEST(single_node_join, is_refused_with_the_reason_and_the_node_goes_on) {
  const single_node alone;
  const node_program joiner("hopeful", {"--seeds", alone.cluster, "--set", "cluster.expected_members=3"});
  EXPECT_TRUE(eventually([&] { return joiner.logged("'solo' runs alone and takes no joiners"); }))
      << joiner.process->err();
  EXPECT_TRUE(eventually([&] { return joiner.metric("troupe_cluster_joins_refused_total") >= 2; }));
  EXPECT_FALSE(joiner.ready());
  EXPECT_TRUE(alone.process->wait_for("joiner_refused name=hopeful"));
  EXPECT_EQ(http_call(alone.url(), "GET", "/readyz", {}, {}, patience)->status, 200);
}

TEST(data_directory, of_a_cluster_with_another_number_of_shards_is_refused_at_the_start) {
  const temporary_directory home;
  const auto start = [&](const std::string& shards, const std::string& members) {
    return words{"node",
                 "--name",
                 "n",
                 "--services",
                 "http,cache",
                 "--data-dir",
                 home.path() + "/d",
                 "--http",
                 "127.0.0.1:0",
                 "--cluster",
                 "127.0.0.1:0",
                 "--set",
                 "cache.shards=" + shards,
                 "--set",
                 "cluster.expected_members=" + members};
  };
  {
    program founder(start("256", "1"));
    ASSERT_TRUE(founder.wait_for("Try:"));
  }
  const auto refused = run(start("64", "3"));
  EXPECT_EQ(refused.exit_code, 78);
  EXPECT_NE(refused.err.find("cache.shards is 64, but the cluster of this data directory has 256"), std::string::npos)
      << refused.err;
}

}  // namespace
}  // namespace troupe::test
