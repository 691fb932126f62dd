// Real nodes that keep their leadership in the key-value service that they run themselves.
#include <chrono>
#include <iostream>
#include <string>

#include <gtest/gtest.h>

#include <troupe/local_cluster.hpp>

#include "tests/process/program.hpp"

namespace troupe::test {
namespace {

using namespace std::chrono_literals;

class builtin_cluster : public ::testing::Test {
 protected:
  static local_cluster_options options(std::size_t nodes, std::uint32_t members) {
    local_cluster_options o;
    o.nodes = nodes;
    o.adjust = [members](config& c, std::size_t index) {
      c.kvs.type = "builtin";
      c.kvs.expected_members = members;
      c.election.lease = 1500ms;
      if (index < members) c.node.services.emplace_back("kvs");
    };
    return o;
  }
  static std::uint64_t term_of(local_cluster& c) { return c.at(c.leader()).view()->leader_now->term; }
  static service_status kvs_of(local_cluster& c, std::size_t index) {
    for (const auto& s : c.at(index).view()->services) {
      if (s.name == "kvs") return s;
    }
    return {};
  }
  /// Waits for a leader that all running nodes agree on and that is not `other`.
  static void expect_leader_but(local_cluster& c, std::size_t other, const char* what) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_TRUE(c.wait_until([&](auto& x) { return x.leader() < x.size() && x.leader() != other; }, 30s)) << what;
    const double s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    std::cout << "builtin: " << what << ": " << s << " s\n";
  }
};

TEST_F(builtin_cluster, three_nodes_elect_a_fenced_leader_and_lose_it) {
  auto started = local_cluster::start(options(3, 3));
  ASSERT_TRUE(started) << describe(started.error());
  auto& c = *started;
  const auto view = c.at(0).view();
  EXPECT_TRUE(view->leader_now->fenced) << view->leader_now->fenced_reason;
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(c.wait_until([&](auto& x) { return kvs_of(x, i).state == service_state::running; }))
        << kvs_of(c, i).reason;
    EXPECT_EQ(kvs_of(c, i).nodes.size(), 3U);
  }
  const auto first = term_of(c);

  const auto killed = c.leader();
  c.kill(killed);
  expect_leader_but(c, killed, "after the leader was killed");
  const auto second = term_of(c);
  EXPECT_GT(second, first);
  ASSERT_TRUE(c.restart(killed));
  EXPECT_TRUE(c.wait_until([](auto& x) { return x.converged(); }, 30s));

  const auto follower = (c.leader() + 1) % c.size();
  c.kill(follower);
  EXPECT_TRUE(c.wait_until([](auto& x) { return x.converged(); }, 30s));
  EXPECT_EQ(term_of(c), second) << "a follower's death changes nothing";
  ASSERT_TRUE(c.restart(follower));
  EXPECT_TRUE(c.wait_until([](auto& x) { return x.converged(); }, 30s));
}

TEST_F(builtin_cluster, all_nodes_killed_and_started_again_go_on_under_a_higher_term) {
  auto started = local_cluster::start(options(3, 3));
  ASSERT_TRUE(started) << describe(started.error());
  auto& c = *started;
  const auto first = term_of(c);
  for (std::size_t i = 0; i < 3; ++i) c.kill(i);
  for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(c.restart(i));
  EXPECT_TRUE(c.wait_until([](auto& x) { return x.converged(); }, 30s));
  EXPECT_GT(term_of(c), first);
}

TEST_F(builtin_cluster, a_minority_does_not_lead) {
  auto started = local_cluster::start(options(3, 3));
  ASSERT_TRUE(started) << describe(started.error());
  auto& c = *started;
  const auto cut_off = c.leader();
  c.partition({cut_off});
  const auto other = (cut_off + 1) % 3;
  EXPECT_TRUE(c.wait_until(
      [&](auto& x) {
        const auto l = x.at(other).view()->leader_now;
        return l && l->name != x.at(cut_off).view()->node;
      },
      30s));
  EXPECT_TRUE(c.wait_until([&](auto& x) { return !x.at(cut_off).view()->ready; }, 30s));
  EXPECT_TRUE(c.wait_until([&](auto& x) { return kvs_of(x, cut_off).state == service_state::degraded; }, 30s));
  c.heal();
  EXPECT_TRUE(c.wait_until([](auto& x) { return x.converged(); }, 30s));
  EXPECT_TRUE(c.wait_until([&](auto& x) { return kvs_of(x, cut_off).state == service_state::running; }, 30s))
      << kvs_of(c, cut_off).reason;
}

TEST_F(builtin_cluster, nodes_without_the_service_use_that_of_the_others) {
  auto started = local_cluster::start(options(4, 3));
  ASSERT_TRUE(started) << describe(started.error());
  auto& c = *started;
  c.kill(0);
  EXPECT_TRUE(c.wait_until([](auto& x) { return x.converged(); }, 30s));
  const auto killed = c.leader();
  if (killed == 3) {
    c.kill(3);
    expect_leader_but(c, 3, "after a leader without the service was killed");
  } else {
    EXPECT_TRUE(c.wait_until([](auto& x) { return kvs_of(x, 3).state == service_state::running; }, 30s))
        << kvs_of(c, 3).reason;
  }
}

TEST_F(builtin_cluster, a_leader_that_leaves_gives_its_lease_back) {
  auto c = local_cluster::start(options(3, 3));
  ASSERT_TRUE(c) << describe(c.error());
  const auto leader = c->leader();
  ASSERT_TRUE(c->leave(leader));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(c->wait_until([&](auto& x) { return x.leader() < x.size(); }, 20s));
  const double s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::cout << "builtin: after the leader left: " << s << " s\n";
}

}  // namespace
}  // namespace troupe::test
