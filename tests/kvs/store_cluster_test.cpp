// Three real nodes and a real store: the leader is killed, the store is killed and started again. The
// gaps without a leader are printed.
#include <chrono>
#include <iostream>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include <troupe/local_cluster.hpp>

#include "tests/kvs/real_servers.hpp"

namespace troupe::test {
namespace {

using namespace std::chrono_literals;

class store_cluster : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    server = make_server(GetParam());
    if (!server) GTEST_SKIP() << "the server of " << GetParam() << " is not installed";
    server->start();
  }
  local_cluster_options options() {
    local_cluster_options o;
    o.adjust = [this](config& c, std::size_t) {
      c.kvs.type = server->type();
      c.kvs.addresses = {server->address()};
      c.kvs.dsn = server->dsn();
    };
    return o;
  }
  static std::uint64_t term_of(local_cluster& c) { return c.at(c.leader()).view()->leader_now->term; }
  /// Seconds until there is a leader that all running nodes agree on, and that is not `gone`.
  static double gap(local_cluster& c, const char* what, std::size_t gone = std::numeric_limits<std::size_t>::max()) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_TRUE(c.wait_until([gone](auto& x) { return x.leader() < x.size() && x.leader() != gone; }, 20s)) << what;
    const double s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    std::cout << GetParam() << ", " << what << ": " << s << " s without a leader\n";
    return s;
  }
  std::unique_ptr<store_server> server;
};

TEST_P(store_cluster, leads_on_when_the_leader_or_the_store_is_killed) {
  auto started = local_cluster::start(options());
  ASSERT_TRUE(started) << describe(started.error());
  auto& c = *started;
  ASSERT_TRUE(c.at(0).open_cache()->put("k", "v"));
  const auto first = term_of(c);
  EXPECT_EQ(c.at(0).view()->leader_now->fenced, server->type() != "memcached")
      << c.at(0).view()->leader_now->fenced_reason;

  const auto killed = c.leader();
  c.kill(killed);
  const auto left = (killed + 1) % c.size();
  EXPECT_LT(gap(c, "after the leader was killed", killed), 20);
  ASSERT_TRUE(c.restart(killed));
  ASSERT_TRUE(c.wait_until([](auto& x) { return x.converged(); }));
  const auto second = term_of(c);
  EXPECT_GT(second, first);

  server->kill();  // for longer than a leader's reign
  EXPECT_TRUE(c.wait_until([](auto& x) { return x.leader() == x.size(); })) << "nobody leads without the store";
  const auto kvs_of = [&] {
    const auto view = c.at(left).view();
    for (const auto& s : view->services) {
      if (s.name == "kvs") return s;
    }
    return service_status{};
  };
  EXPECT_TRUE(c.wait_until([&](auto&) { return kvs_of().state == service_state::degraded; }));
  EXPECT_FALSE(kvs_of().reason.empty());
  server->start();
  EXPECT_LT(gap(c, "after the store was started again"), 20);
  ASSERT_TRUE(c.wait_until([](auto& x) { return x.converged(); }));
  EXPECT_GT(term_of(c), second);
  EXPECT_TRUE(c.wait_until([&](auto&) { return kvs_of().state == service_state::running; }));
}

TEST_P(store_cluster, a_leader_that_leaves_gives_its_lease_back) {
  auto c = local_cluster::start(options());
  ASSERT_TRUE(c) << describe(c.error());
  const auto leader = c->leader();
  ASSERT_TRUE(c->leave(leader));
  EXPECT_LT(gap(*c, "after the leader left", leader), 3);
}

TEST_P(store_cluster, something_foreign_under_the_key_is_told_and_nobody_leads) {
  auto c = local_cluster::start(options());
  ASSERT_TRUE(c) << describe(c.error());
  server->spoil("troupe/" + c->at(0).settings().cluster.name + "/leader");
  EXPECT_TRUE(c->wait_until([](auto& x) { return x.leader() == x.size(); }));
  EXPECT_TRUE(c->wait_until([](auto& x) {
    for (const auto& s : x.at(0).view()->services) {
      if (s.name == "kvs") return s.reason.find("leader's entry") != std::string::npos;
    }
    return false;
  }));
}

TEST_P(store_cluster, tells_who_does_not_lead_of_its_changes) {
  auto c = local_cluster::start(options());
  ASSERT_TRUE(c) << describe(c.error());
  const auto follower = (c->leader() + 1) % c->size();
  const auto number = [&](const std::string& name) {
    const auto text = run_tool("curl", {"-s", "http://" + c->at(follower).addresses().http + "/metrics"}).out;
    const auto at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1.0 : std::stod(text.substr(at + name.size() + 2));
  };
  if (server->type() == "memcached") {
    EXPECT_EQ(number("troupe_election_store_hints_total"), 0);
    return;
  }
  EXPECT_TRUE(c->wait_until([&](auto&) { return number("troupe_election_store_hints_total") >= 3; }));
  EXPECT_EQ(number("troupe_election_store_watch_failures_total"), 0);
  std::cout << GetParam() << ": " << number("troupe_election_store_hints_total") << " hints, of them "
            << number("troupe_election_store_false_hints_total") << " false\n";
}

/// An embedder's own: one entry in memory.
class memory_store final : public leader_store {
 public:
  std::string name() const override { return "memory"; }
  std::string may_forget() const override { return "it is only in memory"; }
  expected<leader_reading> get(const std::string&, time_point) override { return leader_reading{entry_, 1}; }
  expected<void> compare_and_set(const std::string&, std::uint64_t version, const leader_entry& next,
                                 time_point) override {
    if ((entry_ ? entry_->version : 0) != version) return fail(errc::condition_failed);
    entry_ = next;
    return {};
  }
  expected<void> renew(const std::string&, std::uint64_t version, std::uint64_t next_version, time_point) override {
    if (!entry_ || entry_->version != version) return fail(errc::condition_failed);
    entry_->version = next_version;
    return {};
  }
  expected<void> release(const std::string& key, std::uint64_t version, std::uint64_t next_version,
                         time_point deadline) override {
    if (auto renewed = renew(key, version, next_version, deadline); !renewed) return renewed;
    entry_->released = true;
    return {};
  }

 private:
  std::optional<leader_entry> entry_;
};

TEST(custom_store, is_given_by_an_embedder) {
  temporary_directory home;
  config c;
  c.node.name = "alone";
  c.node.services = {"cache"};
  c.node.data_dir = home.path() + "/data";
  c.cluster.bind = "127.0.0.1:0";
  c.log.level = "error";
  auto started = node::start(c, std::make_shared<memory_store>());
  ASSERT_TRUE(started) << describe(started.error());
  const auto ready = started->wait_ready(20s);
  ASSERT_TRUE(ready) << describe(ready.error());
  const auto leader = started->view()->leader_now;
  ASSERT_TRUE(leader);
  EXPECT_FALSE(leader->fenced);
  EXPECT_EQ(leader->fenced_reason, "it is only in memory");
}

INSTANTIATE_TEST_SUITE_P(kind, store_cluster, ::testing::Values("redis", "postgres", "etcd", "memcached"),
                         [](const auto& kind) { return std::string(kind.param); });

}  // namespace
}  // namespace troupe::test
