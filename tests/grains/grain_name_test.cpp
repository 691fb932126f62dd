// Names of grains: their keys, and how they cross between nodes.
#include "runtime/grains/grain_name.hpp"

#include <set>

#include <gtest/gtest.h>

#include "runtime/sharding/slot.hpp"

namespace troupe {
namespace {

TEST(grain_name, lives_in_the_slot_of_its_id_and_of_every_key_with_that_tag) {
  for (const std::string id : {"42", "a user", "{", "x{y", "\xff\x01"}) {
    EXPECT_EQ(slot_of(grain_key("account", id)), slot_of(id)) << id;
    EXPECT_EQ(slot_of(grain_key("cart", id)), slot_of(id)) << id;
  }
  EXPECT_EQ(grain_key("account", "42"), "account/{42}");
  EXPECT_EQ(slot_of(grain_key("line", "{42}:7")), slot_of("42"));
}

TEST(grain_name, has_a_key_that_no_other_name_has) {
  std::set<std::string> keys;
  const std::vector<std::string> ids{"42", "{42}", "/{42}", "{42", "42}", "{{42}", "{42}}", "{}42", "{}", "}", "/42"};
  for (const auto& type : {"a", "b"}) {
    for (const auto& id : ids) EXPECT_TRUE(keys.insert(grain_key(type, id)).second) << type << " " << id;
  }
}

TEST(grain_name, is_refused_when_it_is_empty_too_long_or_has_other_characters_in_its_type) {
  EXPECT_TRUE(check_grain("account_2.b-c", "any bytes \n"));
  EXPECT_TRUE(check_grain(std::string(grain_type_bytes_max, 'a'), std::string(grain_id_bytes_max, 'x')));
  const std::vector<std::pair<std::string, std::string>> bad{{"", "1"},
                                                             {"a", ""},
                                                             {"A", "1"},
                                                             {"a/b", "1"},
                                                             {"{a}", "1"},
                                                             {std::string(grain_type_bytes_max + 1, 'a'), "1"},
                                                             {"a", std::string(grain_id_bytes_max + 1, 'x')}};
  for (const auto& [type, id] : bad) {
    const auto sound = check_grain(type, id);
    ASSERT_FALSE(sound);
    EXPECT_EQ(sound.error().code, errc::invalid_argument);
  }
}

TEST(grain_address, comes_back_from_its_bytes) {
  const std::string id("4\0z", 3);
  const grain_address a{"account", id, 3, {7, 9}};
  const auto bytes = encode(a);
  const auto read = decode_grain_address(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, a);
}

TEST(grain_address, that_is_cut_short_or_bears_a_bad_name_is_refused) {
  const auto whole = encode({"account", "42", 1, {2, 3}});
  for (std::size_t size = 0; size < whole.size() - 1; ++size) {
    const auto read = decode_grain_address(std::string_view(whole).substr(0, size));
    ASSERT_FALSE(read) << size;
    EXPECT_EQ(read.error().code, errc::corrupt);
  }
  const std::string long_id(300, 'x');
  EXPECT_FALSE(decode_grain_address(encode({"Account", "42", 1, {}})));
  EXPECT_FALSE(decode_grain_address(encode({"account", long_id, 1, {}})));
  auto later = whole;
  later[0] = 2;
  EXPECT_EQ(decode_grain_address(later).error().code, errc::not_implemented);
  later[0] = 0;
  EXPECT_EQ(decode_grain_address(later).error().code, errc::corrupt);
}

}  // namespace
}  // namespace troupe
