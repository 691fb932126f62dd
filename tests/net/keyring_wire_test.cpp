#include <gtest/gtest.h>

#include "actors/keyring/keyring_wire.hpp"

namespace troupe {
namespace {

using verb = keyring_request::verb;

const std::string print = "0123456789abcdef";

TEST(keyring_wire, reads_requests_back) {
  keyring_request r;
  r.what = verb::install;
  r.edition = 7;
  r.key.bytes.fill('k');
  const auto install = decode_keyring_request(encode(r));
  ASSERT_TRUE(install);
  EXPECT_EQ(install->key, r.key);
  EXPECT_EQ(install->edition, 7u);
  r.what = verb::remove;
  r.fingerprint = print;
  EXPECT_EQ(decode_keyring_request(encode(r))->fingerprint, print);
}

TEST(keyring_wire, refuses_requests_that_lack_something) {
  keyring_request r;
  for (const auto what : {verb::use, verb::remove}) {
    r.what = what;
    r.fingerprint = "short";
    EXPECT_FALSE(decode_keyring_request(encode(r)));
  }
  EXPECT_FALSE(decode_keyring_request("\x08\x02")) << "install without a key";
  EXPECT_FALSE(decode_keyring_request("\x08\x63")) << "an unknown verb";
  EXPECT_FALSE(decode_keyring_request("\xff"));
}

TEST(keyring_wire, reads_answers_back_and_cleans_their_words) {
  keyring_answer a;
  a.code = errc::condition_failed;
  a.words = "a\nb";
  a.edition = 3;
  a.fingerprints = {print, "fedcba9876543210"};
  a.ring = "ring";
  const auto bytes = encode(a);
  const auto again = decode_keyring_answer(bytes);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->words, "a?b");
  EXPECT_EQ(again->fingerprints, a.fingerprints);
  for (std::size_t size = 0; size < bytes.size(); ++size) (void)decode_keyring_answer(bytes.substr(0, size));
}

TEST(keyring_wire, refuses_answers_beyond_their_limits) {
  keyring_answer a;
  EXPECT_FALSE(decode_keyring_answer(encode(a))) << "no ring is empty";
  a.fingerprints.assign(9, print);
  EXPECT_FALSE(decode_keyring_answer(encode(a)));
  a.fingerprints = {"nonsense"};
  EXPECT_FALSE(decode_keyring_answer(encode(a)));
  a.fingerprints = {print};
  EXPECT_TRUE(decode_keyring_answer(encode(a)));
  a.ring.assign(5000, 'x');
  EXPECT_FALSE(decode_keyring_answer(encode(a)));
}

}  // namespace
}  // namespace troupe
