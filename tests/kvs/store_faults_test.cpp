// Bad input from a real store: a wrong password, what is no entry, another cluster's record, a term at its limit. Each
// is told, nobody leads by it, and the rest of the node works. Redis stands for all: the rules are the machine's.
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include <troupe/node.hpp>

#include "runtime/election/record.hpp"
#include "runtime/election/store_entry.hpp"
#include "tests/kvs/real_servers.hpp"
#include "tests/process/process_cluster.hpp"

namespace troupe::test {
namespace {

using namespace std::chrono_literals;

class store_faults : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!make_server("redis")) GTEST_SKIP() << "redis-server is not installed";
  }
  config settings(const std::string& name, const redis_server& server) {
    config c;
    c.node.name = name;
    c.node.services = {"cache"};
    c.node.data_dir = home.path() + "/" + name;
    c.cluster.bind = "127.0.0.1:0";
    c.gossip.profile = "fast";
    c.kvs.type = "redis";
    c.kvs.addresses = {server.address()};
    c.log.level = "error";
    return c;
  }
  static std::string fault_at(const node& n) {
    const auto view = n.view();
    for (const auto& s : view->services) {
      if (s.name == "kvs" && s.state == service_state::degraded) return s.reason;
    }
    return {};
  }
  static bool tells(const node& n, const std::string& words) {
    return eventually([&] { return fault_at(n).find(words) != std::string::npos; });
  }
  static bool leads(const node& n) {
    const auto view = n.view();
    return view->leader_now && view->leader_now->name == view->node;
  }
  /// Changes the entry under the key of the default cluster as a stranger would, until no leader writes it between.
  static bool spoil(const redis_server& server, const std::function<void(leader_entry&)>& change) {
    const auto client = server.client({});
    const auto key = store_key_of(config{}.cluster.name);
    return eventually([&] {
      const auto read = client->get(key, std::chrono::steady_clock::now() + 1s);
      if (!read || !read->entry) return false;
      auto entry = *read->entry;
      change(entry);
      entry.version = read->entry->version + 2;
      return client->compare_and_set(key, read->entry->version, entry, std::chrono::steady_clock::now() + 1s)
          .has_value();
    });
  }
  temporary_directory home;
};

TEST_F(store_faults, a_wrong_password_is_told_nobody_leads_and_members_find_each_other) {
  redis_server server(true, "right");
  server.start();
  auto first = settings("a", server);
  first.cluster.expected_members = 2;
  first.kvs.password_file = home.write("password", "wrong\n");
  auto a = node::start(first);
  ASSERT_TRUE(a) << describe(a.error());
  auto second = first;
  second.node.name = "b";
  second.node.data_dir = home.path() + "/b";
  second.cluster.seeds = {a->addresses().cluster};
  auto b = node::start(second);
  ASSERT_TRUE(b) << describe(b.error());
  EXPECT_TRUE(tells(*a, "WRONGPASS"));
  EXPECT_TRUE(tells(*b, "WRONGPASS"));
  EXPECT_TRUE(eventually([&] { return a->view()->members.size() == 2 && b->view()->members.size() == 2; }));
  EXPECT_FALSE(a->view()->leader_now);
  EXPECT_FALSE(b->view()->leader_now);
}

TEST_F(store_faults, clusters_of_other_names_share_a_store_and_do_not_mix) {
  redis_server server;
  server.start();
  auto one = settings("a", server);
  auto other = settings("b", server);
  other.cluster.name = "other";
  auto a = node::start(one);
  auto b = node::start(other);
  ASSERT_TRUE(a && b);
  EXPECT_TRUE(eventually([&] { return leads(*a) && leads(*b); }));
  EXPECT_EQ(a->view()->members.size(), 1U);
  EXPECT_EQ(b->view()->members.size(), 1U);
}

TEST_F(store_faults, a_cluster_of_the_same_name_that_has_a_record_of_its_own_stays_out) {
  redis_server ours;
  redis_server theirs;
  ours.start();
  theirs.start();
  auto a = node::start(settings("a", ours));
  ASSERT_TRUE(a);
  ASSERT_TRUE(eventually([&] { return leads(*a); }));
  {
    auto stranger = node::start(settings("b", theirs));
    ASSERT_TRUE(stranger);
    ASSERT_TRUE(eventually([&] { return leads(*stranger); }));
  }
  auto stranger = node::start(settings("b", ours));
  ASSERT_TRUE(stranger);
  EXPECT_TRUE(tells(*stranger, "belongs to another cluster"));
  EXPECT_FALSE(stranger->view()->leader_now);
  EXPECT_TRUE(leads(*a));
  EXPECT_EQ(fault_at(*a), "");
}

TEST_F(store_faults, a_damaged_record_and_a_term_at_its_limit_are_told_and_nobody_leads) {
  redis_server server;
  server.start();
  auto a = node::start(settings("a", server));
  ASSERT_TRUE(a);
  ASSERT_TRUE(eventually([&] { return leads(*a); }));
  leader_entry sound;
  ASSERT_TRUE(spoil(server, [&sound](leader_entry& e) {
    sound = e;
    e.record = "rubbish";
  }));
  EXPECT_TRUE(tells(*a, "the store's record"));
  EXPECT_TRUE(eventually([&] { return !leads(*a); }));
  ASSERT_TRUE(spoil(server, [&sound](leader_entry& e) {
    e = sound;
    e.term = term_max - 1;
  }));
  EXPECT_TRUE(tells(*a, "at its limit"));
  EXPECT_FALSE(leads(*a));
  ASSERT_TRUE(spoil(server, [&sound](leader_entry& e) { e = sound; }));
  EXPECT_TRUE(eventually([&] { return leads(*a); })) << "when it was put right";
}

}  // namespace
}  // namespace troupe::test
