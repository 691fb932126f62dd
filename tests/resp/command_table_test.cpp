#include "gateways/resp/command_table.hpp"

#include <cctype>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "runtime/base/glob.hpp"
#include "runtime/base/integer_text.hpp"

namespace troupe::resp {
namespace {

TEST(command_table, finds_every_row_in_any_case) {
  for (const auto& row : all_commands()) {
    const auto bar = row.name.find('|');
    std::string name(row.name.substr(0, bar));
    for (auto& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    const auto* found = find_command(name);
    ASSERT_NE(found, nullptr) << name;
    if (bar == std::string_view::npos) {
      EXPECT_EQ(found, &row);
    } else {
      EXPECT_TRUE(found->container);
      EXPECT_EQ(find_subcommand(*found, row.name.substr(bar + 1)), &row);
    }
  }
}

TEST(command_table, has_unique_lower_case_names_and_sound_rows) {
  std::set<std::string_view> names;
  for (const auto& row : all_commands()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_TRUE(same_word(row.name, row.name)) << row.name;
    EXPECT_NE(row.arity, 0) << row.name;
    EXPECT_TRUE(row.run != nullptr || row.container) << row.name;
    EXPECT_EQ(row.first_key == 0, row.key_step == 0) << row.name;
  }
}

TEST(command_table, knows_no_other_name) {
  using namespace std::string_view_literals;
  for (const auto name :
       {""sv, "ge"sv, "gett"sv, "config|get"sv, "get\0"sv, "set "sv, "nosuchcommandatallinthistable"sv})
    EXPECT_EQ(find_command(name), nullptr) << name;
  EXPECT_EQ(find_subcommand(*find_command("config"), "sett"), nullptr);
  EXPECT_EQ(find_subcommand(*find_command("get"), "get"), nullptr);
}

TEST(command_table, arity_counts_words_exactly_or_at_least) {
  EXPECT_TRUE(find_command("get")->takes(2));
  EXPECT_FALSE(find_command("get")->takes(3));
  EXPECT_TRUE(find_command("del")->takes(9));
  EXPECT_FALSE(find_command("del")->takes(1));
}

TEST(integer_text, reads_what_redis_reads) {
  EXPECT_EQ(read_integer_text("0"), 0);
  EXPECT_EQ(read_integer_text("-1"), -1);
  EXPECT_EQ(read_integer_text("9223372036854775807"), INT64_MAX);
  EXPECT_EQ(read_integer_text("-9223372036854775808"), INT64_MIN);
  for (const auto* text : {"", "-", "+1", "01", "-0", " 1", "1 ", "1x", "9223372036854775808", "0x1", "1.0"})
    EXPECT_FALSE(read_integer_text(text)) << text;
}

TEST(glob, matches_as_redis_does) {
  const struct {
    const char* pattern;
    const char* text;
    bool matches;
  } rows[] = {
      {"*", "", true},         {"save", "SAVE", true},    {"s?ve", "save", true},      {"s*e", "se", true},
      {"s*e", "saved", false}, {"*a*a*", "banana", true}, {"[a-c]x", "bx", true},      {"[^a-c]x", "bx", false},
      {"[c-a]x", "bx", true},  {"\\*", "*", true},        {"\\*", "x", false},         {"", "x", false},
      {"[abc", "c", true},     {"a\\", "a\\", true},      {"max*", "maxmemory", true}, {"[]x", "x", false},
  };
  for (const auto& row : rows)
    EXPECT_EQ(glob_matches_any_case(row.pattern, row.text), row.matches) << row.pattern << row.text;
  EXPECT_FALSE(glob_matches("save", "SAVE"));
  EXPECT_TRUE(glob_matches("[A-Z]?ve", "Save"));
  EXPECT_FALSE(glob_matches("[A-Z]?ve", "save"));
}

}  // namespace
}  // namespace troupe::resp
