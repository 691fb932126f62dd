#include "runtime/registry/registry_message.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

registry_message rich() {
  registry_message m;
  m.known = {{{1, 2}, 7}, {{3, 4}, 0}};
  m.whole = true;
  m.wanted = {{{5, 6}, 9}};
  m.updates = {{{1, 2}, 3, 9, {{4, {"printer", 17}, false}, {9, {std::string("k\0y", 3), 1}, true}}},
               {{3, 4}, 0, 2, {{2, {"clock", 5}, false}}}};
  m.more = true;
  return m;
}

TEST(registry_message, survives_the_way) {
  const auto back = decode_registry_message(encode(rich()));
  ASSERT_TRUE(back) << describe(back.error());
  EXPECT_EQ(*back, rich());
  EXPECT_TRUE(decode_registry_message(encode(registry_message{})));
}

TEST(registry_message, is_refused_when_it_was_cut_off_at_any_byte) {
  const auto whole = encode(rich());
  for (std::size_t n = 0; n < whole.size(); ++n) {
    const auto cut = decode_registry_message(std::string_view(whole).substr(0, n));
    ASSERT_FALSE(cut) << n;
    EXPECT_EQ(cut.error().code, errc::corrupt);
  }
}

TEST(registry_message, is_refused_when_it_makes_no_sense) {
  const auto refused = [](const registry_update& u) {
    registry_message m;
    m.updates = {u};
    return !decode_registry_message(encode(m));
  };
  EXPECT_TRUE(refused({{1, 1}, 5, 5, {}})) << "nothing new";
  EXPECT_TRUE(refused({{1, 1}, 5, 4, {}}));
  EXPECT_TRUE(refused({{1, 1}, 1, 3, {{1, {"k", 1}, false}}})) << "before its beginning";
  EXPECT_TRUE(refused({{1, 1}, 1, 3, {{4, {"k", 1}, false}}})) << "after its end";
  EXPECT_TRUE(refused({{1, 1}, 1, 3, {{3, {"k", 1}, false}, {2, {"k", 2}, false}}})) << "out of order";
  EXPECT_TRUE(refused({{1, 1}, 1, 3, {{2, {"", 1}, false}}}));
  EXPECT_TRUE(refused({{1, 1}, 1, 3, {{2, {std::string(registry_key_bytes_max + 1, 'k'), 1}, false}}}));
  EXPECT_TRUE(refused({{1, 1}, 0, 3, {{2, {"k", 1}, true}}})) << "all there is, and it is gone";
  registry_message many;
  many.known.resize(registry_owners_max + 1);
  EXPECT_FALSE(decode_registry_message(encode(many)));
  EXPECT_FALSE(decode_registry_message("\xff\xff\xff"));
}

}  // namespace
}  // namespace troupe
