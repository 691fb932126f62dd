// TOML that is handed on as JSON.
#include "config/toml_json.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

std::string squeezed(const std::string& text) {
  std::string all;
  for (const char c : text) {
    if (c != ' ' && c != '\n') all += c;
  }
  return all;
}

TEST(toml_json, keeps_keys_and_values) {
  const auto json = toml_to_json("a = 1\nb = [true, \"x\\ny\", 0.5]\n[c.d]\ne = -3\n[[f]]\ng = \"\\u00e4\"\n[[f]]\n");
  ASSERT_TRUE(json) << json.error().context;
  EXPECT_EQ(squeezed(*json), R"({"a":1,"b":[true,"x\ny",0.5],"c":{"d":{"e":-3}},"f":[{"g":"ä"},{}]})");
}

TEST(toml_json, tells_the_line_of_what_is_no_toml) {
  const auto bad = toml_to_json("a = 1\nb = = 2\n");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().context.substr(0, 7), "line 2:") << bad.error().context;
  EXPECT_FALSE(toml_to_json("a = 1\na = 2\n"));
  EXPECT_FALSE(toml_to_json("a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a = 1\n"));
  EXPECT_FALSE(toml_to_json("a = 2024-01-31\n"));
  EXPECT_FALSE(toml_to_json("a = [{b = 10:00:00}]\n"));
}

}  // namespace
}  // namespace troupe
