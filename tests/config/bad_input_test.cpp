// Files nobody meant to write: whatever the bytes, load_config answers, in time and without a crash.
#include <random>

#include "config/draft.hpp"
#include "config/toml_layer.hpp"
#include "tests/config/fixture.hpp"

namespace troupe {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class bad_input : public config_test {};

std::string repeated(const std::string& text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

TEST_F(bad_input, a_file_that_is_not_there_is_a_fault_alone) {
  config_sources sources;
  sources.file = directory_ + "/none.toml";
  EXPECT_EQ(faults(sources), "none.toml: cannot be opened: No such file or directory");
  sources.file = directory_;
  EXPECT_THAT(faults(sources), EndsWith(": cannot be read: Is a directory"));
}

TEST_F(bad_input, syntax_errors_have_their_line) {
  EXPECT_THAT(faults(file("[cache]\nshards = \n")), StartsWith("t.toml:2: not TOML: "));
  EXPECT_THAT(faults(file("[cache]\n\nshards = 1\nshards = 2\n")), StartsWith("t.toml:4: not TOML: "));
  EXPECT_THAT(faults(file("[cache]\n[cache]\n")), StartsWith("t.toml:2: not TOML: "));
  EXPECT_THAT(faults(file("[caches.a]\n[caches.a]\n")), StartsWith("t.toml:2: not TOML: "));
  EXPECT_THAT(faults(file("[node]\nname = \"a\nb\"\n")), Not(HasSubstr("\n")));
}

TEST_F(bad_input, faults_of_other_layers_are_told_beside_a_syntax_error) {
  config_sources sources = file("[cache\n");
  sources.environment = {{"TROUPE_CACHE_SHARDS", "x"}};
  sources.settings = {{"cache.replicas", "x"}};
  const std::string text = faults(sources);
  EXPECT_THAT(text, HasSubstr("t.toml:1: not TOML"));
  EXPECT_THAT(text, HasSubstr("\nTROUPE_CACHE_SHARDS: "));
  EXPECT_THAT(text, HasSubstr("\n--set cache.replicas: "));
  EXPECT_THAT(text, Not(HasSubstr("node.services"))) << "rules over half a configuration mislead";
}

TEST_F(bad_input, a_byte_order_mark_and_windows_line_ends_are_read) {
  EXPECT_EQ(loaded(file("\xef\xbb\xbf[cache]\r\nshards = 8\r\n")).cache.shards, 8u);
}

TEST_F(bad_input, an_empty_file_is_a_file) { EXPECT_EQ(faults(file("")), ""); }

TEST_F(bad_input, bytes_that_are_no_text_are_refused) {
  EXPECT_THAT(faults(file(std::string("\0\1\2\3", 4))), HasSubstr("not TOML"));
  EXPECT_THAT(faults(file("\xff\xfe[\0n")), HasSubstr("not TOML"));
  EXPECT_THAT(faults(file("[node]\nname = \"\xc3(\"\n")), HasSubstr("not TOML"));
}

TEST_F(bad_input, a_file_has_at_most_one_mebibyte) {
  const std::string full = "[cache]\nshards = 8\n#";
  EXPECT_EQ(loaded(file(full + std::string(mib - full.size(), 'x'))).cache.shards, 8u);
  EXPECT_EQ(faults(file(full + std::string(mib - full.size() + 1, 'x'))), "t.toml: has more than 1MiB");
}

TEST_F(bad_input, deep_nesting_is_refused_without_recursion) {
  const std::size_t many = 400'000;
  EXPECT_THAT(faults(file(repeated("a.", many) + "a = 1")), StartsWith("t.toml:1: more than 16 dots"));
  EXPECT_THAT(faults(file("[" + repeated("a.", many) + "a]")), StartsWith("t.toml:1: more than 16 dots"));
  EXPECT_THAT(faults(file("x = " + repeated("[", many))), HasSubstr("not TOML"));
  EXPECT_THAT(faults(file("x = " + repeated("{a=", many / 2))), HasSubstr("not TOML"));
  const std::string deep = repeated("a.", 15) + "a";
  EXPECT_THAT(faults(file("x = " + repeated("[{" + deep + " =\n", 10'000))), HasSubstr("not TOML"));
  EXPECT_THAT(faults(file("x = " + repeated("[\n{" + deep + "=", 120) + "1" + repeated("}]", 120))),
              HasSubstr("a key outside all sections"));
}

TEST_F(bad_input, a_flood_of_faults_is_cut) {
  std::string text = "[cache]\n";
  for (int i = 0; i < 20'000; ++i) text += "no_such_key_" + std::to_string(i) + " = 1\n";
  const std::string told = faults(file(text));
  EXPECT_EQ(std::count(told.begin(), told.end(), '\n'), 100);
  EXPECT_THAT(told, EndsWith("\n... and 19900 more"));
}

TEST_F(bad_input, names_from_the_file_are_harmless_to_a_terminal) {
  EXPECT_THAT(faults(file("[\"\\u001b[31m\"]\n[cache]\n\"a\\nb\" = 1\n")), Not(HasSubstr("\x1b")));
  EXPECT_THAT(faults(file("[cache]\n\"a\\nb\" = 1\n")), Not(HasSubstr("\n")));
}

TEST_F(bad_input, no_truncation_of_the_reference_crashes) {
  const std::string text = slurp(shipped("troupe.toml"));
  ASSERT_GT(text.size(), 4000u);
  std::size_t sound = 0;
  for (std::size_t size = 0; size <= text.size(); ++size) {
    draft d;
    const bool is_toml = apply_toml(d, std::string_view(text).substr(0, size), "t");
    ASSERT_EQ(is_toml, d.faults.empty() || d.faults.front().find("not TOML") == std::string::npos);
    if (is_toml && d.faults.empty()) ++sound;
  }
  EXPECT_GT(sound, 1000u);
}

TEST_F(bad_input, no_damage_to_a_file_crashes) {
  const std::string single = slurp(shipped("single.toml")) + "[caches.a]\nttl = \"1s\"\n[node.tags]\nzone = 'a'\n";
  const std::string spice = "[]{}=\".'#,\n\\\t-_0129azT:+\x00\x1b\x7f\xc3\xbc\xff";
  std::mt19937_64 random(3);
  std::size_t refused = 0;
  for (int i = 0; i < 4000; ++i) {
    std::string text = single;
    for (std::uint64_t hits = 1 + random() % 6; hits > 0; --hits) {
      const std::size_t at = random() % text.size();
      switch (random() % 4) {
        case 0: text[at] = spice[random() % spice.size()]; break;
        case 1: text.erase(at, random() % 20); break;
        case 2: text.insert(at, 1, spice[random() % spice.size()]); break;
        default: text.insert(at, text.substr(random() % text.size(), random() % 40)); break;
      }
    }
    draft d;
    const bool is_toml = apply_toml(d, text, "t");
    ASSERT_TRUE(is_toml || d.faults.size() == 1);
    refused += d.faults.empty() ? 0 : 1;
  }
  EXPECT_GT(refused, 2000u);
}

TEST_F(bad_input, no_random_setting_or_variable_crashes) {
  const std::string spice = "node.tags.caches.cache.ttl.,=_- \n\xff";
  std::mt19937_64 random(4);
  const auto word = [&] {
    std::string text;
    for (std::uint64_t i = random() % 24; i > 0; --i) text += spice[random() % spice.size()];
    return text;
  };
  for (int i = 0; i < 10; ++i) {
    config_sources sources = file("");
    for (int j = 0; j < 20; ++j) {
      sources.settings.emplace_back(word(), word());
      sources.settings.emplace_back("caches." + word() + ".ttl", word());
      sources.environment.emplace_back("TROUPE_" + word(), word());
      sources.environment.emplace_back("TROUPE_CACHES_" + word() + "_TTL", word());
    }
    EXPECT_NE(faults(sources), "");
  }
}

}  // namespace
}  // namespace troupe
