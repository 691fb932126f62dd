// What is sealed opens once, for whom it is meant, and not after any change; what is dropped says why.
#include <set>

#include <gtest/gtest.h>

#include "actors/net/packet_seal.hpp"

namespace troupe {
namespace {

constexpr auto gossip = seal_purpose::gossip;
const std::string here = "127.0.0.1:1";
const std::string there = "127.0.0.1:2";

ring_key key_of(char fill) {
  ring_key k;
  k.bytes.fill(fill);
  return k;
}
key_ring ring_of(std::string_view fills) {
  key_ring ring(key_of(fills.front()));
  for (const char fill : fills.substr(1)) EXPECT_TRUE(ring.install(key_of(fill)));
  return ring;
}
packet_drop drop_of(packet_seal& at, std::string_view bytes) {
  const auto plain = at.open(gossip, here, bytes);
  EXPECT_FALSE(plain);
  return plain ? packet_drop::plain : plain.error();
}

struct pair {
  packet_seal a{"test", ring_of("k")};
  packet_seal b{"test", ring_of("k")};
};

TEST(packet_seal, opens_what_the_same_key_sealed) {
  pair p;
  for (const std::string& text : {std::string(), std::string("x"), std::string(1400, 'g')}) {
    const auto packet = p.a.seal(gossip, there, text);
    EXPECT_EQ(packet.size(), text.size() + packet_seal::overhead);
    EXPECT_LT(packet.size(), 1472u) << "one Ethernet frame";
    const auto plain = p.b.open(gossip, here, packet);
    ASSERT_TRUE(plain) << name_of(plain.error());
    EXPECT_EQ(*plain, text);
    if (text.size() > 16) {
      EXPECT_EQ(packet.find("gggggggg"), std::string::npos);
    }
  }
}

TEST(packet_seal, drops_a_packet_with_any_bit_flipped) {
  pair p;
  const auto packet = p.a.seal(gossip, there, "twenty bytes of news");
  for (std::size_t bit = 0; bit < packet.size() * 8; ++bit) {
    auto broken = packet;
    broken[bit / 8] = static_cast<char>(broken[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(p.b.open(gossip, here, broken)) << "bit " << bit;
  }
  EXPECT_TRUE(p.b.open(gossip, here, packet)) << "and takes the whole one afterwards";
}

TEST(packet_seal, drops_a_packet_cut_anywhere) {
  pair p;
  const auto packet = p.a.seal(gossip, there, "twenty bytes of news");
  for (std::size_t size = 1; size < packet.size(); ++size) {
    const auto why = drop_of(p.b, std::string_view(packet).substr(0, size));
    EXPECT_EQ(why, size < packet_seal::overhead ? packet_drop::truncated : packet_drop::forged) << size;
  }
  EXPECT_EQ(drop_of(p.b, {}), packet_drop::plain);
  EXPECT_EQ(drop_of(p.b, packet + "x"), packet_drop::forged);
}

TEST(packet_seal, drops_what_it_has_opened_before) {
  pair p;
  const auto first = p.a.seal(gossip, there, "1");
  const auto second = p.a.seal(gossip, there, "2");
  EXPECT_TRUE(p.b.open(gossip, here, second));
  EXPECT_TRUE(p.b.open(gossip, here, first)) << "out of order";
  EXPECT_EQ(drop_of(p.b, first), packet_drop::replayed);
  EXPECT_EQ(drop_of(p.b, second), packet_drop::replayed);
}

TEST(packet_seal, says_why_it_drops) {
  pair p;
  packet_seal stranger("test", ring_of("s"));
  packet_seal elsewhere("other", ring_of("k"));
  EXPECT_EQ(drop_of(p.b, stranger.seal(gossip, there, "x")), packet_drop::unknown_key);
  EXPECT_EQ(drop_of(p.b, elsewhere.seal(gossip, there, "x")), packet_drop::unknown_key) << "the cluster is in the key";
  EXPECT_EQ(drop_of(p.b, "\x08\x01 gossip in the clear"), packet_drop::plain);
  EXPECT_EQ(drop_of(p.b, p.a.seal(seal_purpose::keyring, there, "x")), packet_drop::version);
  EXPECT_FALSE(packet_seal::looks_sealed("\x08\x01"));
  EXPECT_TRUE(packet_seal::looks_sealed(p.a.seal(gossip, there, "x")));
}

TEST(packet_seal, never_repeats_a_nonce_and_draws_a_new_prefix_before_the_counter_ends) {
  std::uint64_t prefixes = 0;
  packet_seal a(
      "test", ring_of("k"), [&prefixes] { return ++prefixes; }, UINT32_MAX - 50);
  packet_seal b("test", ring_of("k"));
  std::set<std::string> nonces;
  for (int i = 0; i < 200; ++i) {
    const auto packet = a.seal(gossip, there, "same text");
    EXPECT_TRUE(nonces.insert(packet.substr(6, 12)).second) << i;
    EXPECT_TRUE(b.open(gossip, here, packet)) << i;
  }
  EXPECT_EQ(prefixes, 2u);
}

TEST(packet_seal, opens_under_every_key_of_the_ring_and_seals_under_the_primary) {
  packet_seal old_ring("test", ring_of("a"));
  packet_seal both("test", ring_of("ba"));
  packet_seal new_ring("test", ring_of("b"));
  EXPECT_TRUE(both.open(gossip, here, new_ring.seal(gossip, there, "x")));
  EXPECT_TRUE(new_ring.open(gossip, here, both.seal(gossip, there, "x")));
  EXPECT_TRUE(both.open(gossip, there, old_ring.seal(gossip, here, "x")));
}

TEST(packet_seal, answers_a_peer_under_the_key_that_it_uses_itself) {
  packet_seal joiner("test", ring_of("a"));
  packet_seal member("test", ring_of("ba"));
  ASSERT_TRUE(member.open(gossip, here, joiner.seal(gossip, there, "join")));
  EXPECT_TRUE(joiner.open(gossip, there, member.seal(gossip, here, "welcome")));
  EXPECT_FALSE(joiner.open(gossip, there, member.seal(gossip, "127.0.0.1:3", "to another")));
  member.set_ring(ring_of("b"));
  EXPECT_FALSE(joiner.open(gossip, there, member.seal(gossip, here, "the key is gone")));
}

TEST(packet_seal, tries_its_keys_in_turn_until_it_is_answered) {
  packet_seal yesterday("test", ring_of("ab"));
  packet_seal today("test", ring_of("b"));
  EXPECT_FALSE(today.open(gossip, here, yesterday.seal(gossip, there, "first")));
  ASSERT_TRUE(today.open(gossip, here, yesterday.seal(gossip, there, "second")));
  ASSERT_TRUE(yesterday.open(gossip, there, today.seal(gossip, here, "answer")));
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(today.open(gossip, here, yesterday.seal(gossip, there, "later")));
}

}  // namespace
}  // namespace troupe
