#include "runtime/membership/packet.hpp"

#include <gtest/gtest.h>

#include "runtime/base/random.hpp"

namespace troupe::membership {
namespace {

update full_update() {
  update u;
  u.name = "n1";
  u.id = {1, 2};
  u.incarnation = 7;
  u.state = member_state::suspect;
  u.address = "10.0.0.1:7070";
  u.told.pid = 3;
  u.told.services = {"http", "cache"};
  u.told.tags = {{"rack", "a"}, {"zone", "b"}};
  u.told.protocol = 1;
  u.told.meta = std::string("\0\1", 2);
  u.told_at = 6;
  u.by = "n2";
  u.link_closed = true;
  u.age = std::chrono::seconds(90);
  return u;
}

packet full_packet() {
  packet p;
  p.cluster = 77;
  p.from = "n9";
  p.from_id = {3, 4};
  p.digest = "d";
  p.kind = packet_kind::ping_request;
  p.sequence = 99;
  p.target = "n1";
  p.target_id = {5, 6};
  p.target_address = "10.0.0.1:7070";
  p.hash = 11;
  p.want = true;
  p.welcome = true;
  p.refusal = join_refusal::name_in_use;
  p.text = "why";
  p.cluster_name = "c";
  p.expected_members = 3;
  p.updates = {full_update()};
  return p;
}

TEST(packet, comes_back_as_it_was) {
  const auto p = full_packet();
  const auto back = decode(encode(p));
  ASSERT_TRUE(back);
  EXPECT_EQ(encode(*back), encode(p));
  ASSERT_EQ(back->updates.size(), 1U);
  const auto& u = back->updates.front();
  EXPECT_EQ(u.told, full_update().told);
  EXPECT_EQ(u.state, member_state::suspect);
  EXPECT_EQ(u.told_at, 6U);
  EXPECT_EQ(u.by, "n2");
  EXPECT_TRUE(u.link_closed);
  EXPECT_EQ(u.age, std::chrono::seconds(90));
  EXPECT_EQ(back->target_id, p.target_id);
  EXPECT_EQ(back->refusal, join_refusal::name_in_use);
}

TEST(packet, appended_updates_are_read_like_the_others) {
  auto bytes = encode(full_packet());
  ASSERT_TRUE(append_update(bytes, encode(full_update())));
  const auto back = decode(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->updates.size(), 2U);
}

TEST(packet, never_grows_beyond_its_limit) {
  auto bytes = encode(full_packet());
  const auto update_bytes = encode(full_update());
  while (append_update(bytes, update_bytes)) EXPECT_LE(bytes.size(), packet_bytes_max);
  EXPECT_GT(bytes.size() + update_bytes.size() + 3, packet_bytes_max);
  EXPECT_TRUE(decode(bytes));
}

TEST(packet, truncated_at_any_byte_is_refused_or_well_formed) {
  auto bytes = encode(full_packet());
  append_update(bytes, encode(full_update()));
  int refused = 0;
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    const auto p = decode(std::string_view(bytes).substr(0, n));
    if (!p) {
      ++refused;
      EXPECT_EQ(p.error().code, errc::corrupt);
    } else {
      EXPECT_FALSE(p->from.empty());
    }
  }
  EXPECT_GT(refused, static_cast<int>(bytes.size()) * 3 / 4);
  EXPECT_FALSE(decode(""));
}

TEST(packet, flipped_bits_and_garbage_never_break_a_limit) {
  const auto bytes = encode(full_packet());
  const auto check = [](const std::string& broken) {
    const auto p = decode(broken);
    if (!p) return;
    EXPECT_LE(p->from.size(), name_bytes_max);
    EXPECT_LE(p->updates.size(), updates_max);
    for (const auto& u : p->updates) {
      EXPECT_FALSE(u.name.empty());
      EXPECT_LE(u.incarnation, incarnation_max);
      EXPECT_LE(u.told_at, u.incarnation);
    }
  };
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto broken = bytes;
    broken[bit / 8] = static_cast<char>(broken[bit / 8] ^ (1 << (bit % 8)));
    check(broken);
  }
  random rng(3);
  for (int i = 0; i < 20'000; ++i) {
    auto broken = bytes;
    for (auto flips = 1 + rng.below(8); flips > 0; --flips)
      broken[rng.below(broken.size())] = static_cast<char>(rng.next());
    check(broken);
  }
}

TEST(packet, what_breaks_a_limit_is_refused) {
  EXPECT_EQ(decode(std::string(packet_bytes_max + 1, 'x')).error().code, errc::too_large);
  const auto refused = [](auto change) {
    auto p = full_packet();
    change(p);
    const auto bytes = encode(p);
    return bytes.size() <= packet_bytes_max && !decode(bytes);
  };
  EXPECT_FALSE(refused([](packet&) {}));
  EXPECT_TRUE(refused([](packet& p) { p.from.clear(); }));
  EXPECT_TRUE(refused([](packet& p) { p.from_id = {}; }));
  EXPECT_TRUE(refused([](packet& p) { p.from.assign(name_bytes_max + 1, 'x'); }));
  EXPECT_TRUE(refused([](packet& p) { p.from = "a\nb"; }));
  EXPECT_TRUE(refused([](packet& p) { p.text = "\xff"; }));
  EXPECT_TRUE(refused([](packet& p) { p.updates[0].told.tags["\xc0\x80"] = "x"; }));
  EXPECT_FALSE(refused([](packet& p) { p.updates[0].told.tags["Ort"] = "Zürich"; }));
  EXPECT_TRUE(refused([](packet& p) { p.digest.assign(digest_bytes_max + 1, 'x'); }));
  EXPECT_TRUE(refused([](packet& p) { p.kind = static_cast<packet_kind>(200); }));
  EXPECT_TRUE(refused([](packet& p) { p.refusal = static_cast<join_refusal>(200); }));
  EXPECT_TRUE(refused([](packet& p) { p.updates[0].name.clear(); }));
  EXPECT_TRUE(refused([](packet& p) { p.updates[0].id = {}; }));
  EXPECT_TRUE(refused([](packet& p) { p.updates[0].incarnation = incarnation_max + 1; }));
  EXPECT_TRUE(refused([](packet& p) { p.updates[0].told.meta.assign(meta_bytes_max + 1, 'x'); }));
  EXPECT_TRUE(refused([](packet& p) { p.updates[0].told.services.assign(services_max + 1, "s"); }));
  EXPECT_TRUE(refused([](packet& p) { p.updates[0].told.tags["t"].assign(tag_value_bytes_max + 1, 'x'); }));
}

TEST(packet, clusters_differ_by_name_and_by_expected_members) {
  EXPECT_EQ(cluster_hash("a", 3), cluster_hash("a", 3));
  EXPECT_NE(cluster_hash("a", 3), cluster_hash("b", 3));
  EXPECT_NE(cluster_hash("a", 3), cluster_hash("a", 5));
}

}  // namespace
}  // namespace troupe::membership
