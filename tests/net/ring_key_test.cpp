// Keys: how they are read, derived and named.
#include <set>

#include <gtest/gtest.h>

#include "actors/net/ring_key.hpp"

namespace troupe {
namespace {

constexpr const char* some_key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

TEST(ring_key, reads_the_base64_of_32_bytes_and_writes_it_back) {
  const auto k = parse_ring_key(some_key);
  ASSERT_TRUE(k);
  for (std::size_t i = 0; i < ring_key_size; ++i) EXPECT_EQ(k->bytes[i], static_cast<char>(i));
  EXPECT_EQ(to_base64(*k), some_key);
}

TEST(ring_key, refuses_everything_else_without_repeating_it) {
  const std::string good = some_key;
  std::vector<std::string> bad{"",
                               "=",
                               good.substr(0, 43),
                               good + "=",
                               good + "\n",
                               std::string(44, '='),
                               std::string(44, 'A'),
                               good.substr(0, 43) + "A"};
  for (std::size_t i = 0; i < good.size(); ++i) {
    auto broken = good;
    broken[i] = '\n';
    bad.push_back(broken);
    bad.push_back(good.substr(0, i));
  }
  bad.push_back(good.substr(0, 42) + "9=");  // bits that the padding should have left zero
  for (const auto& text : bad) {
    const auto k = parse_ring_key(text);
    ASSERT_FALSE(k) << text;
    EXPECT_EQ(k.error().code, errc::invalid_argument);
    if (text.size() > 10) {
      EXPECT_EQ(k.error().context.find(text), std::string::npos);
    }
  }
}

// HKDF-SHA256 with salt "troupe" computed by another implementation (Python's hmac and hashlib).
TEST(ring_key, derives_by_hkdf_as_rfc_5869_says) {
  const auto k = *parse_ring_key(some_key);
  EXPECT_EQ(to_base64(derive(k, "label", "cluster")), "veWMbApAxXjEX9liMf7hWR+Bt1HCZw5QxtJFdMmlSs4=");
  EXPECT_EQ(to_base64(ring_key_of_secret("s3cret", "troupe")), "hJsdvN3AQQSyN+m8encr+L3/1HjWw5NdJ2kqrLXzXis=");
  EXPECT_EQ(fingerprint_of(k), "071ca2da989d4af4");
}

TEST(ring_key, differs_by_label_and_by_cluster) {
  const auto k = *parse_ring_key(some_key);
  std::set<std::string> made;
  for (const auto* label : {"a", "b"}) {
    for (const auto* cluster : {"c", "d"}) EXPECT_TRUE(made.insert(to_base64(derive(k, label, cluster))).second);
  }
  EXPECT_NE(ring_key_of_secret("x", "c"), ring_key_of_secret("x", "d"));
  EXPECT_NE(ring_key_of_secret("x", "c"), ring_key_of_secret("y", "c"));
}

TEST(ring_key, takes_a_secret_that_is_a_key_as_that_key) {
  EXPECT_EQ(ring_key_of_secret(some_key, "c"), *parse_ring_key(some_key));
  EXPECT_EQ(ring_key_of_secret(some_key, "c"), ring_key_of_secret(some_key, "d"));
}

}  // namespace
}  // namespace troupe
