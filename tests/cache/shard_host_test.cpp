#include "actors/cache/shard_host.hpp"

#include <thread>

#include <gtest/gtest.h>

#include "tests/cache/host_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using shards = std::vector<std::uint32_t>;

TEST(shard_host, serves_nothing_before_it_has_a_table) {
  host_fixture h;
  EXPECT_EQ(h.get("k").code, errc::not_owner);
  EXPECT_EQ(h.host.next_version(0, "k"), 0u);
  EXPECT_FALSE(h.host.apply_committed(0, "k", "v", 1, 0s, h.now));
  EXPECT_FALSE(h.host.apply_loaded(0, "k", "v", 1, 0s, h.now));
  EXPECT_FALSE(h.host.apply_erased(0, "k", 1));
}

TEST(shard_host, serves_the_shards_it_is_primary_of) {
  host_fixture h;
  const auto changes = h.own_everything();
  EXPECT_EQ(changes.gained.size(), 16u);
  EXPECT_EQ(changes.empty.size(), 16u);
  EXPECT_EQ(h.put("k", "v").code, errc::ok);
  EXPECT_EQ(h.get("k").value, "v");
  const auto shard = h.host.shard_of_key("k");
  EXPECT_EQ(h.host.owner_of(shard), h.me);
  h.table.rows[shard].primary = h.other;
  const auto version = h.host.topology_version();
  const auto moved = h.adopt();
  EXPECT_EQ(moved.lost, shards{shard});
  EXPECT_TRUE(moved.gained.empty());
  EXPECT_EQ(h.get("k").code, errc::not_owner);
  EXPECT_EQ(h.host.owner_of(shard), h.other);
  EXPECT_GT(h.host.topology_version(), version);
  EXPECT_EQ(h.host.measure().keys, 0u) << "what is no longer held is freed";
}

TEST(shard_host, refuses_lower_stamps_and_unfitting_tables) {
  host_fixture h;
  h.own_everything();
  h.adopt();
  const auto version = h.host.topology_version();
  auto old = h.table;
  old.stamp = {0, 99};
  old.rows[0].primary = h.other;
  auto refused = h.host.adopt(old, h.me);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::stale_term);
  EXPECT_EQ(h.host.tables_refused(), 1u);
  EXPECT_EQ(h.host.owner_of(0), h.me);
  old.stamp = {9, 9};
  old.rows.pop_back();
  refused = h.host.adopt(old, h.me);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::corrupt);
  EXPECT_EQ(h.host.topology_version(), version);
  EXPECT_EQ(h.host.table(), h.table);
}

TEST(shard_host, a_change_of_replicas_alone_keeps_data_and_topology) {
  host_fixture h;
  h.own_everything();
  h.put("k", "v");
  const auto version = h.host.topology_version();
  for (auto& row : h.table.rows) row.replicas = {h.other};
  const auto changes = h.adopt();
  EXPECT_TRUE(changes.gained.empty() && changes.lost.empty());
  EXPECT_EQ(h.get("k").value, "v");
  EXPECT_EQ(h.host.topology_version(), version);
}

TEST(shard_host, a_shard_made_anew_is_empty_and_its_versions_go_on) {
  host_fixture h;
  h.own_everything();
  const auto before = h.put("k", "v").version;
  const auto shard = h.host.shard_of_key("k");
  h.table.rows[shard].created = h.table.rows[shard].epoch = h.table.stamp.epoch + 1;
  const auto changes = h.adopt();
  EXPECT_EQ(changes.lost, shards{shard});
  EXPECT_EQ(changes.gained, shards{shard});
  EXPECT_EQ(changes.empty, shards{shard});
  EXPECT_EQ(h.get("k").code, errc::not_found);
  EXPECT_GT(h.put("k", "w").version, before);
}

TEST(shard_host, a_promoted_replica_keeps_its_copy) {
  host_fixture h;
  for (auto& row : h.table.rows) row = {h.other, {h.me}, {h.me}, 1, 1};
  h.adopt();
  const auto shard = h.host.shard_of_key("k");
  h.host.with_shard(shard, [&](held_shard& s) { EXPECT_TRUE(s.copy({0, "k", "copied", 77, 0s}, h.now)); });
  EXPECT_EQ(h.get("k").code, errc::not_owner) << "a replica serves nothing";
  h.table.rows[shard] = {h.me, {}, {}, 2, 1};
  const auto changes = h.adopt();
  EXPECT_EQ(changes.gained, shards{shard});
  EXPECT_TRUE(changes.empty.empty());
  EXPECT_EQ(h.get("k").value, "copied");
  EXPECT_EQ(h.put("k", "w").version >> version_counter_bits, 2u);
}

TEST(shard_host, gives_versions_above_those_of_the_database) {
  host_fixture h;
  h.own_everything();
  const auto first = h.host.next_version(1, "k");
  EXPECT_GT(h.host.next_version(1, "k"), first);
  EXPECT_EQ(h.host.next_version(1, "k", first + 1000), first + 1001);
}

TEST(shard_host, shows_loaded_and_committed_values) {
  host_fixture h;
  h.own_everything();
  const auto seen = h.host.begin_load(0, "k");
  EXPECT_TRUE(h.host.apply_committed(0, "k", "committed", h.host.next_version(0, "k"), 9s, h.now));
  EXPECT_FALSE(h.host.apply_loaded(0, "k", "stale", UINT64_MAX, 0s, h.now, seen));
  EXPECT_EQ(h.get("k").value, "committed");
  EXPECT_EQ(h.get("k").ttl, 9s);
  EXPECT_TRUE(h.host.apply_erased(0, "k", h.host.next_version(0, "k")));
  EXPECT_EQ(h.get("k").code, errc::not_found);
}

TEST(shard_host, sweeps_expired_values_of_all_shards) {
  host_fixture h;
  h.own_everything();
  for (int i = 0; i < 300; ++i) {
    auto c = h.command(cache_op::put, "key", "v");
    const auto key = "key" + std::to_string(i);
    c.key = key;
    c.ttl = i % 2 == 0 ? 1s : 100s;
    h.run(c);
  }
  const auto early = h.host.sweep(h.now);
  EXPECT_EQ(early.freed, 0u);
  EXPECT_TRUE(early.may_expire);
  h.now += 2s;
  const auto late = h.host.sweep(h.now);
  EXPECT_EQ(late.freed, 150u);
  EXPECT_TRUE(late.may_expire) << "those of 100 s";
  EXPECT_EQ(h.host.measure().keys, 150u);
  EXPECT_EQ(h.host.measure().expired, 150u);
}

TEST(shard_host, other_shards_give_way_when_memory_is_full) {
  constexpr std::uint64_t limit = 64 * 1024;
  host_fixture h(16, limit);
  h.own_everything();
  const auto crowded = h.key_in(3);
  for (int i = 0; i < 2000; ++i) {
    const auto key = "{" + crowded + "}" + std::to_string(i);
    ASSERT_EQ(h.put(key, std::string(100, 'v')).code, errc::ok);
  }
  EXPECT_EQ(h.put(h.key_in(7), std::string(30000, 'v')).code, errc::ok) << "shard 7 is empty itself";
  EXPECT_EQ(h.get(h.key_in(7)).value.size(), 30000u);
  EXPECT_EQ(h.put(h.key_in(8), std::string(70000, 'v')).code, errc::out_of_memory) << "beyond the limit alone";
  EXPECT_EQ(h.get(h.key_in(7)).value.size(), 30000u);
  const auto u = h.host.measure();
  EXPECT_LE(u.bytes, limit);
  EXPECT_EQ(u.bytes_max, limit);
  EXPECT_GT(u.evicted, 0u);
}

TEST(shard_host, without_eviction_a_full_node_refuses) {
  host_fixture h(4, 8 * 1024, eviction_policy::none);
  h.own_everything();
  auto last = errc::ok;
  for (int i = 0; i < 200 && last == errc::ok; ++i) last = h.put("key" + std::to_string(i), std::string(100, 'v')).code;
  EXPECT_EQ(last, errc::out_of_memory);
  EXPECT_EQ(h.get("key0").code, errc::ok);
}

// Compare-and-set from several threads loses no step; run under TSan this also checks the lock.
TEST(shard_host, threads_do_not_lose_each_others_writes) {
  host_fixture h(2);
  h.own_everything();
  h.put("n", "0");
  constexpr int threads = 4;
  constexpr int steps = 500;
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&h] {
      for (int done = 0; done < steps;) {
        const auto seen = h.get("n");
        const auto next = std::to_string(std::stoi(seen.value) + 1);
        auto c = h.command(cache_op::put, "n", next);
        c.condition = write_condition::if_version;
        c.version = seen.version;
        if (h.run(c).code == errc::ok) ++done;
      }
    });
  }
  for (auto& w : workers) w.join();
  EXPECT_EQ(h.get("n").value, std::to_string(threads * steps));
}

TEST(shard_host, tables_change_while_others_read_and_write) {
  host_fixture h(8);
  h.own_everything();
  std::atomic<bool> stop{false};
  std::atomic<int> done{0};
  std::thread worker([&] {
    for (int i = 0; !stop; ++i) {
      const auto key = "key" + std::to_string(i % 100);
      if (h.put(key, "v").code == errc::ok) ++done;
      (void)h.get(key);
      (void)h.host.measure();
    }
  });
  for (int round = 0; round < 200 || done < 100; ++round) {
    for (auto& row : h.table.rows) row.primary = round % 2 == 0 ? h.other : h.me;
    h.adopt();
  }
  stop = true;
  worker.join();
  EXPECT_GE(h.host.topology_version(), 200u);
}

}  // namespace
}  // namespace troupe
