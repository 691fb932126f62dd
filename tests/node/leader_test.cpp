// The lead of real nodes in one process: hand-overs, what is shown of them, fencing tokens.
#include <troupe/local_cluster.hpp>

#include <algorithm>
#include <iostream>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "gateways/http/client.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

struct leader_test : ::testing::Test {
  // A long lease, so that a busy machine unseats no leader.
  void start(const std::string& profile = "fast") {
    local_cluster_options o;
    o.services = {"http", "cache"};
    o.gossip_profile = profile;
    o.adjust = [](config& c, std::size_t) { c.election.lease = 3s; };
    auto started = local_cluster::start(std::move(o));
    ASSERT_TRUE(started) << describe(started.error());
    cluster.emplace(std::move(*started));
  }
  std::string name_of(std::size_t i) { return cluster->at(i).view()->node; }
  bool leads(const std::string& name) {
    return cluster->wait_until([&](local_cluster& c) {
      const auto i = c.leader();
      return i < c.size() && c.at(i).view()->node == name;
    });
  }
  http_answer call(std::size_t i, const char* method, const std::string& target) {
    auto answer = http_call(cluster->at(i).addresses().http, method, target, {}, {}, 15s);
    EXPECT_TRUE(answer) << describe(answer.error());
    return answer.value_or(http_answer{});
  }
  std::optional<local_cluster> cluster;
};

TEST_F(leader_test, is_handed_over_by_any_node_and_every_node_says_why) {
  start();
  const auto old = cluster->leader();
  const auto to = (old + 1) % 3;
  const auto term = cluster->at(old).view()->leader_now->term;
  const auto a = call((old + 2) % 3, "POST", "/v1/cluster/leader/transfer?to=" + name_of(to));
  ASSERT_EQ(a.status, 200) << a.body;
  EXPECT_EQ(json::parse(a.body)["name"], name_of(to));
  EXPECT_GT(json::parse(a.body)["term"], term);
  ASSERT_TRUE(leads(name_of(to)));
  for (std::size_t i = 0; i < 3; ++i) {
    const auto shown = json::parse(call(i, "GET", "/v1/cluster/leader").body);
    EXPECT_EQ(shown["change"], "transferred");
    EXPECT_EQ(shown["fenced"], true);
    EXPECT_EQ(shown["last_leader"]["name"], name_of(old));
    EXPECT_EQ(shown["last_leader"]["reason"], "transferred");
  }
  const auto next = cluster->at(old).hand_over_lead();
  ASSERT_TRUE(next) << describe(next.error());
  EXPECT_NE(*next, name_of(to));
  EXPECT_EQ(call(0, "POST", "/v1/cluster/leader/transfer?to=nobody").status / 100,
            5 - (cluster->leader() == 0 ? 1 : 0));
}

// What an embedder may see of the gap: nobody's token is valid. On one host; the clock is the same for all.
TEST_F(leader_test, is_handed_over_with_hardly_a_moment_without_one) {
  start("lan");
  std::vector<double> gaps;
  for (int round = 0; round < 10; ++round) {
    const auto old = cluster->leader();
    ASSERT_LT(old, 3U);
    const auto token = cluster->at(old).fencing_token();
    ASSERT_TRUE(token) << describe(token.error());
    auto ended = time_point{};
    auto begun = time_point{};
    std::thread watcher([&] {
      const auto limit = std::chrono::steady_clock::now() + 10s;
      while (token->still_valid() && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
      ended = std::chrono::steady_clock::now();
      for (;;) {
        for (std::size_t i = 0; i < 3; ++i) {
          const auto next = cluster->at(i).fencing_token();
          if (!next || next->term() <= token->term()) continue;
          begun = std::chrono::steady_clock::now();
          return;
        }
        if (std::chrono::steady_clock::now() > limit) return;
        std::this_thread::yield();
      }
    });
    const auto done = cluster->at(old).hand_over_lead();
    watcher.join();
    ASSERT_TRUE(done) << describe(done.error());
    ASSERT_NE(begun, time_point{});
    EXPECT_FALSE(token->still_valid());
    gaps.push_back(std::chrono::duration<double, std::milli>(begun - ended).count());
    ASSERT_TRUE(leads(*done));
  }
  std::sort(gaps.begin(), gaps.end());
  std::cout << "nobody leads for " << gaps[gaps.size() / 2] << " ms (median of 10), at most " << gaps.back() << " ms\n";
  EXPECT_LT(gaps[gaps.size() / 2], 50);
}

TEST_F(leader_test, gives_tokens_that_end_with_its_lead) {
  start();
  const auto old = cluster->leader();
  const auto before = cluster->at(old).fencing_token();
  ASSERT_TRUE(before);
  EXPECT_TRUE(before->still_valid());
  EXPECT_EQ(before->leader(), cluster->at(old).view()->id);
  EXPECT_EQ(cluster->at((old + 1) % 3).fencing_token().error().code, errc::unavailable);
  cluster->pause(old);
  ASSERT_TRUE(cluster->wait_until([&](local_cluster& c) { return c.leader() < c.size() && c.leader() != old; }));
  EXPECT_FALSE(before->still_valid()) << "also while its node stands still";
  const auto next = cluster->leader();
  const auto after = cluster->at(next).fencing_token();
  ASSERT_TRUE(after);
  fence f;
  EXPECT_TRUE(f.admit(*after));
  EXPECT_EQ(f.admit(*before).error().code, errc::stale_term);
  cluster->resume(old);
  cluster->kill(next);
  EXPECT_FALSE(after->still_valid()) << "its node is gone";
}

TEST_F(leader_test, tells_its_changes_and_counts_them) {
  start();
  std::mutex mutex;
  std::vector<event> seen;
  cluster->at(0).on_event([&](const event& e) {
    const std::lock_guard lock(mutex);
    if (e.kind == "leader_elected" || e.kind == "leader_lost") seen.push_back(e);
  });
  ASSERT_TRUE(cluster->at(0).hand_over_lead());
  ASSERT_TRUE(cluster->wait_until([&](local_cluster&) {
    const std::lock_guard lock(mutex);
    return std::any_of(seen.begin(), seen.end(), [](const event& e) { return e.kind == "leader_elected"; });
  }));
  std::map<std::string, std::string> fields;
  {
    const std::lock_guard lock(mutex);
    for (const auto& [key, value] : seen.back().fields) fields[key] = value;
  }
  EXPECT_EQ(fields["change"], "resigned");
  EXPECT_EQ(fields["fenced"], "true");
  ASSERT_TRUE(cluster->wait_until([](local_cluster& c) { return c.converged(); })) << "all know the new leader";
  double handed = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const auto text = call(i, "GET", "/metrics").body;
    const auto at = text.find("\ntroupe_election_handovers_total ");
    ASSERT_NE(at, text.npos);
    handed += std::stod(text.substr(at + std::string("\ntroupe_election_handovers_total ").size()));
    EXPECT_NE(text.find("\ntroupe_election_stale_term_refused_total "), text.npos);
    EXPECT_NE(text.find("\ntroupe_election_fenced 1"), text.npos);
  }
  EXPECT_EQ(handed, 1);
}

}  // namespace
}  // namespace troupe
