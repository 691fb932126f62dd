// [modules.NAME]: kept as text whatever the module makes of it; unknown modules are refused with their place.
#include "config/key.hpp"

#include "tests/config/fixture.hpp"

namespace troupe {
namespace {

using testing::HasSubstr;

class module_blocks : public config_test {
 protected:
  config_sources with(const std::string& lines) {
    auto s = file(lines);
    s.modules = {"shop", "price-list"};
    return s;
  }
};

TEST_F(module_blocks, hold_texts_numbers_flags_and_lists) {
  const auto c =
      loaded(with("[modules.shop]\nname = \"a b\"\nport = 90\non = true\nshelves = [\"x\", \"y\"]\nnone = []\n"));
  const module_block wanted{{"name", {{"a b"}, false}},
                            {"port", {{"90"}, false}},
                            {"on", {{"true"}, false}},
                            {"shelves", {{"x", "y"}, true}},
                            {"none", {{}, true}}};
  EXPECT_EQ(c.modules.at("shop"), wanted);
}

TEST_F(module_blocks, are_refused_with_their_line_when_no_such_module_is_there) {
  EXPECT_EQ(faults(with("[modules.shpo]\nport = 1\n")),
            "t.toml:1: modules.shpo: no module of this name; did you mean shop?; there are shop, price-list");
  auto none = file("[modules.shop]\n");
  EXPECT_EQ(faults(none), "t.toml:1: modules.shop: no module of this name; this program has none");
}

TEST_F(module_blocks, refuse_what_is_no_plain_value) {
  EXPECT_THAT(faults(with("[modules.shop]\nx = 1.5\n")),
              HasSubstr("t.toml:2: modules.shop.x: must be a text, an integer, true or false, or a list of them, has a "
                        "number with a fraction"));
  EXPECT_THAT(faults(with("[modules.shop]\nx = [[1]]\n")), HasSubstr("t.toml:2: modules.shop.x: must be"));
  EXPECT_THAT(faults(with("[modules.shop.x]\ny = 1\n")), HasSubstr("modules.shop.x: must be"));
  EXPECT_THAT(faults(with("[modules]\nshop = 1\n")),
              HasSubstr("t.toml:2: modules.shop: must be a section [modules.NAME], is the integer 1"));
  EXPECT_THAT(faults(with("modules = 1\n")), HasSubstr("modules: must be a section"));
  EXPECT_THAT(faults(with("[modules.\"a b\"]\n")), HasSubstr("a module's name has 1 to 64 letters"));
}

TEST_F(module_blocks, take_settings_and_variables_over_the_file) {
  auto s = with("[modules.price-list]\nport = 1\nfile = \"f\"\n");
  s.environment = {{"TROUPE_MODULES_PRICE_LIST_PORT", "2"}, {"TROUPE_MODULES_SHOP_MAX_AGE", "5m"}};
  s.settings.emplace_back("modules.price-list.file", "g");
  const auto c = loaded(s);
  EXPECT_EQ(c.modules.at("price-list").at("port").texts, string_list{"2"});
  EXPECT_EQ(c.modules.at("price-list").at("file").texts, string_list{"g"});
  EXPECT_EQ(c.modules.at("shop").at("max_age").texts, string_list{"5m"});
}

TEST_F(module_blocks, refuse_settings_and_variables_without_a_key_or_a_module) {
  auto s = with("");
  s.settings = {
      {"node.services", "http"}, {"modules.shop", "1"}, {"modules.nobody.x", "1"}, {"modules.shop.x", "\xff"}};
  s.environment = {{"TROUPE_MODULES_SHOP", "1"}};
  const auto all = faults(s);
  EXPECT_THAT(all, HasSubstr("--set modules.shop: the key of a module is modules.NAME.key"));
  EXPECT_THAT(all, HasSubstr("modules.nobody: no module of this name"));
  EXPECT_THAT(all, HasSubstr("--set modules.shop.x: is not UTF-8"));
  EXPECT_THAT(all, HasSubstr("TROUPE_MODULES_SHOP: is no TROUPE_MODULES_NAME_KEY"));
}

TEST_F(module_blocks, are_printed_and_read_back) {
  auto s = with(
      "[modules.shop]\na = \"x\\\"y\"\nb = 7\nc = [\"1\", \"2\"]\nd = []\n\"e f\" = \"g\"\n[modules.price-list]\n");
  const auto c = loaded(s);
  auto again = with(print_config(c));
  EXPECT_EQ(loaded(again), c) << print_config(c);
}

TEST_F(module_blocks, are_bounded) {
  std::string lines = "[modules.shop]\n";
  for (int i = 0; i < 257; ++i) lines += "k" + std::to_string(i) + " = 1\n";
  EXPECT_THAT(faults(with(lines)), HasSubstr("modules.shop: has more than 256 keys"));
}

TEST_F(module_blocks, let_services_name_the_embedders_modules) {
  auto s = with("");
  s.settings = {{"node.services", "http,shop"}};
  EXPECT_EQ(loaded(s).node.services, (string_list{"http", "shop"}));
}

}  // namespace
}  // namespace troupe
