// Locks, semaphores and roles among real nodes in one process, by the library and over HTTP.
#include <troupe/local_cluster.hpp>

#include <algorithm>
#include <atomic>
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

struct lock_test : ::testing::Test {
  void SetUp() override {
    local_cluster_options o;
    o.services = {"http", "cache"};
    o.adjust = [](config& c, std::size_t) { c.election.lease = 3s; };
    auto started = local_cluster::start(std::move(o));
    ASSERT_TRUE(started) << describe(started.error());
    cluster.emplace(std::move(*started));
  }
  static lock_request named(const std::string& name, duration wait = {}, duration ttl = 3s) {
    return {lock_kind::lock, name, 1, ttl, wait};
  }
  http_answer call(std::size_t i, const char* method, const std::string& target) {
    auto answer = http_call(cluster->at(i).addresses().http, method, target, {}, {}, 70s);
    EXPECT_TRUE(answer) << describe(answer.error());
    return answer.value_or(http_answer{});
  }
  /// Who has the role by its callbacks.
  struct roles {
    std::mutex mutex;
    std::map<std::size_t, role_change> last;
    [[nodiscard]] std::vector<std::size_t> leaders() {
      const std::lock_guard lock(mutex);
      std::vector<std::size_t> found;
      for (const auto& [i, r] : last) {
        if (r.leads) found.push_back(i);
      }
      return found;
    }
  };
  void campaign(roles& r) {
    for (std::size_t i = 0; i < 3; ++i) {
      const auto done = cluster->at(i).lead(
          "reports",
          [&r, i](const role_change& c) {
            const std::lock_guard lock(r.mutex);
            r.last[i] = c;
          },
          2s);
      ASSERT_TRUE(done) << describe(done.error());
    }
  }
  std::optional<local_cluster> cluster;
};

TEST_F(lock_test, is_held_by_one_and_comes_to_the_next_with_a_higher_token) {
  auto first = cluster->at(0).lock(named("x"));
  ASSERT_TRUE(first) << describe(first.error());
  EXPECT_TRUE(first->still_valid());
  EXPECT_EQ(cluster->at(1).lock(named("x")).error().code, errc::condition_failed);
  EXPECT_EQ(cluster->at(1).lock(named("x", 300ms)).error().code, errc::deadline_exceeded);
  EXPECT_EQ(cluster->at(1).lock(named("a b")).error().code, errc::invalid_argument);
  std::atomic<std::uint64_t> token{0};
  std::thread waiter([&] {
    const auto second = cluster->at(2).lock(named("x", 20s));
    if (second) token = second->token();
  });
  first->release();
  EXPECT_FALSE(first->still_valid());
  waiter.join();
  EXPECT_GT(token, first->token());
  EXPECT_TRUE(cluster->wait_until([](local_cluster& c) { return c.at(1).view()->locks.empty(); }))
      << "released with its last copy";
}

TEST_F(lock_test, survives_the_leader_and_ends_with_its_holder) {
  const auto leader = cluster->leader();
  const auto holder = (leader + 1) % 3;
  const auto other = (leader + 2) % 3;
  auto held = cluster->at(holder).lock(named("x", 0s, 10s));
  ASSERT_TRUE(held);
  cluster->kill(leader);
  ASSERT_TRUE(cluster->wait_until([&](local_cluster& c) { return c.leader() < c.size(); }));
  EXPECT_EQ(cluster->at(other).lock(named("x", 4s, 10s)).error().code, errc::deadline_exceeded) << "it is renewed";
  EXPECT_TRUE(held->still_valid());
  ASSERT_TRUE(cluster->restart(leader));
  ASSERT_TRUE(cluster->wait_until([](local_cluster& c) { return c.converged(); }));
  cluster->pause(holder);
  const auto next = cluster->at(other).lock(named("x", 30s, 10s));
  ASSERT_TRUE(next) << describe(next.error());
  EXPECT_FALSE(held->still_valid()) << "also while its node stands still";
  EXPECT_GT(next->token(), held->token());
  cluster->resume(holder);
}

TEST_F(lock_test, a_role_has_one_leader_that_is_followed_when_it_resigns_or_stands_still) {
  roles r;
  campaign(r);
  EXPECT_EQ(cluster->at(0).lead("reports", {}).error().code, errc::condition_failed);
  ASSERT_TRUE(cluster->wait_until([&](local_cluster&) { return r.leaders().size() == 1; }));
  const auto first = r.leaders()[0];
  const auto& other = cluster->at((first + 1) % 3);
  ASSERT_TRUE(cluster->wait_until([&](local_cluster&) { return other.view()->locks.size() == 1; })) << "all are told";
  const auto shown = other.view()->locks;
  EXPECT_EQ(shown[0].kind, lock_kind::role);
  EXPECT_EQ(shown[0].holders[0].member, cluster->at(first).view()->node);
  ASSERT_TRUE(cluster->at(first).resign_role("reports"));
  EXPECT_EQ(cluster->at(first).resign_role("reports").error().code, errc::not_found);
  {
    const std::lock_guard lock(r.mutex);
    r.last.erase(first);  // who resigns is not told
  }
  ASSERT_TRUE(cluster->wait_until([&](local_cluster&) { return r.leaders().size() == 1; }));
  const auto second = r.leaders()[0];
  EXPECT_NE(second, first);
  cluster->kill(second);
  {
    const std::lock_guard lock(r.mutex);
    r.last.erase(second);
  }
  ASSERT_TRUE(cluster->wait_until([&](local_cluster&) { return r.leaders().size() == 1; }));
}

TEST_F(lock_test, is_taken_renewed_and_released_over_http) {
  auto a = call(0, "POST", "/v1/locks/deploy?ttl=2s");
  ASSERT_EQ(a.status, 200) << a.body;
  const auto token = json::parse(a.body)["token"].dump();
  EXPECT_EQ(json::parse(a.body)["ttl_ms"], 2000);
  a = call(1, "POST", "/v1/locks/deploy");
  EXPECT_EQ(a.status, 409);
  EXPECT_EQ(json::parse(a.body)["detail"], "held by " + cluster->at(0).view()->node);
  EXPECT_EQ(call(0, "PUT", "/v1/locks/deploy?ttl=2s&token=" + token).status, 200);
  EXPECT_EQ(call(1, "PUT", "/v1/locks/deploy?ttl=2s&token=" + token).status, 404) << "another node has no such hold";
  const auto rows = json::parse(call(0, "GET", "/v1/locks").body);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0]["holders"][0]["member"], cluster->at(0).view()->node);
  EXPECT_EQ(call(0, "DELETE", "/v1/locks/deploy?token=" + token).status, 204);
  EXPECT_EQ(call(0, "DELETE", "/v1/locks/deploy?token=" + token).status, 404);
  a = call(1, "POST", "/v1/locks/deploy?ttl=1s&wait=10s");
  EXPECT_EQ(a.status, 200) << a.body;
  a = call(2, "POST", "/v1/locks/deploy?wait=20s");
  EXPECT_EQ(a.status, 200) << "nobody renewed it: " << a.body;
  for (const char* bad : {"/v1/locks/a%20b", "/v1/locks/x?ttl=0s", "/v1/locks/x?wait=61s", "/v1/locks/x?permits=0",
                          "/v1/locks/x?permits=many", "/v1/locks/x?ttl=soon"}) {
    EXPECT_EQ(call(0, "POST", bad).status, 400) << bad;
  }
}

TEST_F(lock_test, a_semaphore_goes_to_so_many) {
  std::vector<held_lock> held;
  for (std::size_t i = 0; i < 3; ++i) {
    auto h = cluster->at(i).lock({lock_kind::semaphore, "pool", 2, 5s, {}});
    EXPECT_EQ(h.has_value(), i < 2);
    if (h) held.push_back(*h);
  }
  EXPECT_EQ(cluster->at(2).lock({lock_kind::semaphore, "pool", 3, 5s, {}}).error().code, errc::invalid_argument);
}

TEST_F(lock_test, costs_a_change_of_the_record_each_time) {
  const auto node = (cluster->leader() + 1) % 3;
  constexpr int rounds = 50;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < rounds; ++i) {
    const auto held = cluster->at(node).lock(named("x", 10s));
    ASSERT_TRUE(held) << describe(held.error());
  }
  const auto took = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  std::cout << rounds << " times taken and let go at a follower: " << took / rounds << " ms each\n";
}

}  // namespace
}  // namespace troupe
