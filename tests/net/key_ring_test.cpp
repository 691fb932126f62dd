// The ring as a value: its changes, and its text.
#include <gtest/gtest.h>

#include "actors/net/key_ring.hpp"

namespace troupe {
namespace {

ring_key key_of(char fill) {
  ring_key k;
  k.bytes.fill(fill);
  return k;
}
std::string print_of(char fill) { return fingerprint_of(key_of(fill)); }

TEST(key_ring, seals_with_the_primary_until_another_is_used) {
  key_ring ring(key_of('a'));
  ASSERT_TRUE(ring.install(key_of('b')));
  EXPECT_EQ(ring.keys().front(), key_of('a'));
  ASSERT_TRUE(ring.use(print_of('b')));
  EXPECT_EQ(ring.fingerprints(), (std::vector{print_of('b'), print_of('a')}));
  ASSERT_TRUE(ring.remove(print_of('a')));
  EXPECT_EQ(ring.keys(), std::vector{key_of('b')});
}

TEST(key_ring, keeps_its_primary_and_refuses_what_it_has_not) {
  key_ring ring(key_of('a'));
  EXPECT_EQ(ring.remove(print_of('a')).error().code, errc::condition_failed);
  EXPECT_EQ(ring.use(print_of('b')).error().code, errc::not_found);
  EXPECT_EQ(ring, key_ring(key_of('a')));
}

TEST(key_ring, takes_a_change_that_is_done_already_for_done) {
  key_ring ring(key_of('a'));
  ASSERT_TRUE(ring.install(key_of('b')));
  const auto before = ring;
  EXPECT_TRUE(ring.install(key_of('b')));
  EXPECT_TRUE(ring.use(print_of('a')));
  EXPECT_TRUE(ring.remove(print_of('c')));
  EXPECT_EQ(ring, before);
}

TEST(key_ring, is_full_at_eight_keys) {
  key_ring ring(key_of(0));
  for (char fill = 1; fill < 8; ++fill) ASSERT_TRUE(ring.install(key_of(fill)));
  EXPECT_EQ(ring.install(key_of(9)).error().code, errc::too_large);
  EXPECT_LE(ring.encode().size(), key_ring::text_bytes_max);
}

TEST(key_ring, reads_back_what_it_wrote) {
  key_ring ring(key_of('a'));
  ASSERT_TRUE(ring.install(key_of('b')));
  ASSERT_TRUE(ring.use(print_of('b')));
  ring.set_edition(7);
  ring.made_from = print_of('a');
  const auto again = key_ring::decode(ring.encode());
  ASSERT_TRUE(again) << again.error().context;
  EXPECT_EQ(*again, ring);
}

TEST(key_ring, refuses_text_that_was_cut_or_changed_anywhere) {
  key_ring ring(key_of('a'));
  ASSERT_TRUE(ring.install(key_of('b')));
  ring.made_from = print_of('a');
  const auto text = ring.encode();
  const auto second_key = text.rfind("key ");
  for (std::size_t size = 0; size < text.size(); ++size) {
    if (size == second_key) continue;  // one whole key is a ring too
    EXPECT_FALSE(key_ring::decode(text.substr(0, size))) << size;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto broken = text;
    broken[i] = static_cast<char>(broken[i] ^ 1);
    const auto read = key_ring::decode(broken);
    const bool number_or_origin = text.substr(i).starts_with("0\n") || read.value_or(ring).made_from != ring.made_from;
    if (read) {
      EXPECT_TRUE(number_or_origin) << "byte " << i << " was changed unnoticed";
    }
  }
  for (const auto* nonsense : {"", "\n", "troupe keyring 2\nedition 1\n", "troupe keyring 1\nedition 1\n"})
    EXPECT_EQ(key_ring::decode(nonsense).error().code, errc::corrupt);
  EXPECT_FALSE(key_ring::decode(std::string(5000, '\n')));
}

}  // namespace
}  // namespace troupe
