#include "runtime/membership/tags.hpp"

#include <gtest/gtest.h>

namespace troupe::membership {
namespace {

using tags = std::map<std::string, std::string>;

TEST(tags, are_set_replaced_and_erased_while_the_others_stay) {
  const auto after = changed({{"zone", "a"}, {"rack", "1"}}, {{{"zone", "b"}, {"role", "api"}}, {"rack", "unknown"}});
  ASSERT_TRUE(after);
  EXPECT_EQ(*after, (tags{{"zone", "b"}, {"role", "api"}}));
}

TEST(tags, with_bad_names_or_values_are_refused_in_words) {
  const auto refused = [](const std::string& name, const std::string& value) {
    const auto after = changed({}, {{{name, value}}, {}});
    return after ? errc::ok : after.error().code;
  };
  EXPECT_EQ(refused("ok", ""), errc::ok);
  EXPECT_EQ(refused("ok", "Zürich"), errc::ok);
  EXPECT_EQ(refused("", "v"), errc::invalid_argument);
  EXPECT_EQ(refused("a b", "v"), errc::invalid_argument);
  EXPECT_EQ(refused("a=b", "v"), errc::invalid_argument);
  EXPECT_EQ(refused("\xff", "v"), errc::invalid_argument);
  EXPECT_EQ(refused(std::string(65, 'x'), "v"), errc::invalid_argument);
  EXPECT_EQ(refused("a", "line\nbreak"), errc::invalid_argument);
  EXPECT_EQ(refused("a", "\xff"), errc::invalid_argument);
  EXPECT_EQ(refused("a", std::string(live_tag_value_max + 1, 'x')), errc::too_large);
  EXPECT_NE(changed({}, {{{"zone", "\x01"}}, {}}).error().context.find("zone"), std::string::npos);
}

TEST(tags, have_a_greatest_number) {
  tags many;
  for (std::size_t i = 0; i < live_tags_max; ++i) many["t" + std::to_string(i)] = "v";
  EXPECT_TRUE(changed(many, {{{"t0", "w"}}, {}}));
  EXPECT_EQ(changed(many, {{{"more", "v"}}, {}}).error().code, errc::too_large);
  EXPECT_TRUE(changed(many, {{{"more", "v"}}, {"t0"}})) << "erased first";
}

}  // namespace
}  // namespace troupe::membership
