#include "runtime/sharding/shard_table.hpp"

#include <gtest/gtest.h>

#include "runtime/base/random.hpp"
#include "runtime/sharding/slot.hpp"
#include "troupe/wire/shard_table.pb.h"

namespace troupe {
namespace {

shard_table three_rows(stamp s = {3, 40}) {
  shard_table t;
  t.stamp = s;
  t.rows = {{7, {9, 3}, {3}, 12, 2}, {0, {}, {}, 0, 0}, {3, {7, 9}, {7, 9}, 40, 40}};
  return t;
}

errc code_of(const expected<void>& e) { return e ? errc::ok : e.error().code; }

TEST(accepted_table, takes_higher_stamps_only) {
  accepted_table table;
  EXPECT_TRUE(table.accept(three_rows({3, 40})));
  EXPECT_TRUE(table.accept(three_rows({3, 41})));
  EXPECT_TRUE(table.accept(three_rows({4, 1})));
  EXPECT_EQ(table.now().stamp, (stamp{4, 1}));
  EXPECT_EQ(code_of(table.accept(three_rows({3, 99}))), errc::stale_term);
  EXPECT_EQ(table.now().stamp, (stamp{4, 1}));
  EXPECT_EQ(table.refused(), 1u);
}

TEST(accepted_table, refuses_other_content_under_the_same_stamp) {
  accepted_table table;
  ASSERT_TRUE(table.accept(three_rows()));
  EXPECT_TRUE(table.accept(three_rows())) << "a repetition is no fault";
  auto other = three_rows();
  other.rows[1].primary = 9;
  EXPECT_EQ(code_of(table.accept(other)), errc::stale_term);
  EXPECT_EQ(table.now(), three_rows());
  EXPECT_EQ(table.refused(), 1u);
}

TEST(check, names_what_is_wrong_with_a_row) {
  const auto refused = [](const shard_row& row) {
    shard_table t;
    t.rows = {row};
    return code_of(check(t)) == errc::corrupt;
  };
  EXPECT_FALSE(refused({1, {2, 3}, {3}, 1}));
  EXPECT_TRUE(refused({1, {1}, {}, 1})) << "primary as replica";
  EXPECT_TRUE(refused({1, {2, 2}, {}, 1})) << "twice";
  EXPECT_TRUE(refused({1, {0}, {}, 1})) << "nobody";
  EXPECT_TRUE(refused({1, {2}, {3}, 1})) << "in sync without a copy";
  EXPECT_TRUE(refused({1, {2, 3}, {3, 2}, 1})) << "order";
  EXPECT_TRUE(refused({1, std::vector<std::uint64_t>(replicas_max + 1, 5), {}, 1}));
  EXPECT_EQ(code_of(check(shard_table{})), errc::corrupt);
  shard_table large;
  large.rows.resize(shards_max + 1);
  EXPECT_EQ(code_of(check(large)), errc::corrupt);
}

TEST(shard_table_wire, survives_encoding) {
  const auto back = decode_shard_table(encode(three_rows()));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, three_rows());
}

TEST(shard_table_wire, survives_encoding_at_the_largest_size) {
  shard_table t;
  t.stamp = {UINT64_MAX, UINT64_MAX};
  t.rows.resize(shards_max);
  for (std::uint64_t s = 0; s < shards_max; ++s) {
    t.rows[s].primary = s + 1;
    t.rows[s].epoch = UINT64_MAX - s;
    for (std::uint64_t i = 0; i < replicas_max; ++i) t.rows[s].replicas.push_back(shards_max + 1 + i);
    t.rows[s].in_sync = t.rows[s].replicas;
  }
  const auto back = decode_shard_table(encode(t));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, t);
}

TEST(shard_table_wire, is_small_for_the_default_number_of_shards) {
  shard_table t;
  t.stamp = {12, 3000};
  for (std::uint64_t s = 0; s < 256; ++s) t.rows.push_back({s % 9 + 1, {(s + 1) % 9 + 1}, {(s + 1) % 9 + 1}, 2990, 1});
  EXPECT_LT(encode(t).size(), 2048u);
}

TEST(shard_table_wire, is_refused_when_truncated_at_any_byte) {
  const auto bytes = encode(three_rows());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const auto t = decode_shard_table(std::string_view(bytes).substr(0, length));
    EXPECT_FALSE(t) << length;
  }
}

TEST(shard_table_wire, never_yields_an_unsound_table_from_garbage) {
  random r(7);
  const auto good = encode(three_rows());
  int decoded = 0;
  for (int round = 0; round < 20000; ++round) {
    auto bytes = good;
    for (std::uint64_t changes = 1 + r.below(3); changes > 0; --changes)
      bytes[r.below(bytes.size())] = static_cast<char>(r.below(256));
    if (r.chance(0.2)) bytes.append(std::string(r.below(20), static_cast<char>(r.below(256))));
    const auto t = decode_shard_table(bytes);
    if (!t) {
      EXPECT_EQ(t.error().code, errc::corrupt);
      continue;
    }
    ++decoded;
    EXPECT_TRUE(check(*t));
  }
  EXPECT_GT(decoded, 0);
}

TEST(shard_table_wire, refuses_lists_that_do_not_fit_each_other) {
  const auto refused = [](auto change) {
    wire::ShardTable m;
    to_wire(three_rows(), m);
    change(m);
    const auto t = from_wire(m);
    return !t && t.error().code == errc::corrupt;
  };
  EXPECT_FALSE(refused([](auto&) {}));
  EXPECT_TRUE(refused([](auto& m) { m.clear_primaries(); }));
  EXPECT_TRUE(refused([](auto& m) { m.add_primaries(1); }));
  EXPECT_TRUE(refused([](auto& m) { m.add_epochs(1); }));
  EXPECT_TRUE(refused([](auto& m) { m.clear_created(); }));
  EXPECT_TRUE(refused([](auto& m) { m.set_primaries(0, 99); }));
  EXPECT_TRUE(refused([](auto& m) { m.set_replicas(0, 0); }));
  EXPECT_TRUE(refused([](auto& m) { m.set_replicas(0, 4000000000u); }));
  EXPECT_TRUE(refused([](auto& m) { m.add_replicas(1); }));
  EXPECT_TRUE(refused([](auto& m) { m.set_replica_counts(0, 17); }));
  EXPECT_TRUE(refused([](auto& m) { m.mutable_in_sync()->push_back('\0'); }));
  EXPECT_TRUE(refused([](auto& m) { m.set_pids(1, m.pids(0)); }));
  EXPECT_TRUE(refused([](auto& m) { m.set_pids(0, 0); }));
  EXPECT_TRUE(refused([](auto& m) {
    for (std::uint64_t i = 0; i < 100; ++i) m.add_pids(100 + i);
  }));
}

}  // namespace
}  // namespace troupe
