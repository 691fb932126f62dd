// The leaves: distances, quoting, endpoints, connection strings, nesting.
#include <gtest/gtest.h>

#include "config/dsn.hpp"
#include "config/endpoint.hpp"
#include "config/key.hpp"
#include "config/text.hpp"
#include "config/toml_nesting.hpp"

namespace troupe {
namespace {

TEST(text, counts_edits_and_swaps) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("replicas", "replcas"), 1u);
  EXPECT_EQ(edit_distance("bind", "bidn"), 1u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance(std::string(1000, 'a'), std::string(1000, 'b')), 64u);
}

TEST(text, suggests_only_what_is_near) {
  EXPECT_EQ(did_you_mean("htpt", {"resp", "http"}), "; did you mean http?");
  EXPECT_EQ(did_you_mean("zzzzzz", {"resp", "http"}), "");
  EXPECT_EQ(did_you_mean("x", {}), "");
  EXPECT_EQ(did_you_mean("", {""}), "");
}

TEST(text, quotes_bytes_that_a_terminal_would_obey) {
  EXPECT_EQ(in_quotes("a\x1b[31m\n"), "\"a\\x1b[31m\\x0a\"");
  EXPECT_EQ(in_quotes("gr\xc3\xbc\xc3"), "\"gr\xc3\xbc\\xc3\"");
  EXPECT_EQ(in_quotes(std::string(200, 'a')), "\"" + std::string(80, 'a') + "...\"");
  EXPECT_EQ(toml_string("a\"\\\n\x7f"), "\"a\\\"\\\\\\u000a\\u007f\"");
}

TEST(text, knows_utf8) {
  for (const char* good : {"", "a", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x8e\xad", "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(is_utf8(good));
  for (const char* bad : {"\x80", "\xc3", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                          "\xf5\x80\x80\x80", "\xff", "\xe2\x82", "\xf0\x80\x80\x80", "\xc3("}) {
    EXPECT_FALSE(is_utf8(bad));
  }
}

TEST(text, splits_lists_at_commas) {
  EXPECT_EQ(split_list(""), string_list{});
  EXPECT_EQ(split_list("  "), string_list{});
  EXPECT_EQ(split_list("a"), string_list{"a"});
  EXPECT_EQ(split_list(" a , b\t"), (string_list{"a", "b"}));
  EXPECT_EQ(split_list("a,,b,"), (string_list{"a", "", "b", ""}));
}

TEST(endpoint, reads_addresses_interfaces_and_names) {
  EXPECT_EQ(parse_endpoint("127.0.0.1:7070")->host, "127.0.0.1");
  EXPECT_EQ(parse_endpoint("127.0.0.1:65535")->port, 65535);
  EXPECT_EQ(parse_endpoint("[::1]:0")->host, "::1");
  EXPECT_EQ(parse_endpoint("eth0:7070")->host, "eth0");
  for (const char* bad : {"", ":", ":80", "host", "host:", "host:65536", "host:-1", "host:+1", "host: 1", "host:1x",
                          "::1:80", "[::1]", "[]:80", "[eth0]:80", "[::1:80", "a]:80", "host:99999999999999999999"}) {
    EXPECT_FALSE(parse_endpoint(bad)) << bad;
  }
}

TEST(endpoint, tells_loopback_from_outside) {
  for (const char* host : {"127.0.0.1", "127.255.0.9", "::1", "localhost", "lo"})
    EXPECT_TRUE(is_loopback(host)) << host;
  for (const char* host :
       {"0.0.0.0", "::", "10.0.0.1", "eth0", "128.0.0.1", "fe80::1", "::ffff:127.0.0.1", "lo0", "127.0.0"}) {
    EXPECT_FALSE(is_loopback(host)) << host;
  }
}

TEST(endpoint, knows_the_looks_of_hosts) {
  EXPECT_TRUE(is_address("fe80::1%eth0"));
  EXPECT_FALSE(is_address("fe80::1%"));
  EXPECT_FALSE(is_address("300.0.0.1"));
  EXPECT_TRUE(is_interface_name("br-1a2b.100"));
  EXPECT_FALSE(is_interface_name("300.0.0.1"));
  EXPECT_FALSE(is_interface_name("an-interface-too-long"));
  EXPECT_FALSE(is_interface_name("a b"));
  EXPECT_TRUE(is_host_name("n-1.cluster_local.example"));
  EXPECT_FALSE(is_host_name("10.0.0"));
  EXPECT_FALSE(is_host_name("a..b"));
  EXPECT_FALSE(is_host_name("-a"));
  EXPECT_FALSE(is_host_name(std::string(64, 'a')));
  EXPECT_FALSE(is_host_name(""));
}

TEST(dsn, masks_passwords_of_both_forms) {
  EXPECT_EQ(mask_password("host=db1 dbname=t"), "host=db1 dbname=t");
  EXPECT_EQ(mask_password("host=db1 password=geheim user=u"), "host=db1 password=*** user=u");
  EXPECT_EQ(mask_password("PassWord = 'a b\\' c' user=u"), "PassWord =*** user=u");
  EXPECT_EQ(mask_password("sslpassword=x"), "sslpassword=***");
  EXPECT_EQ(mask_password("password='never closed user=u"), "password=***");
  EXPECT_EQ(mask_password("password=a\\ b user=u"), "password=*** user=u");
  EXPECT_EQ(mask_password("password="), "password=***");
  EXPECT_EQ(mask_password("postgresql://u:geheim@db1/t?password=x&sslmode=on"),
            "postgresql://u:***@db1/t?password=***&sslmode=on");
  EXPECT_EQ(mask_password("postgresql://u:ge@he/im@db1/t"), "postgresql://u:***@db1/t");
  EXPECT_EQ(mask_password("postgresql://u@db1:5432/t"), "postgresql://u@db1:5432/t");
  EXPECT_EQ(mask_password("passwordless=1 passfile=p"), "passwordless=1 passfile=p");
}

TEST(toml_nesting, counts_dots_outside_strings_and_comments) {
  const std::string many(100, '.');
  EXPECT_EQ(line_nested_too_deep(""), 0u);
  EXPECT_EQ(line_nested_too_deep("a.b.c = 1\n# " + many + "\nx = \"" + many + "\" # " + many), 0u);
  EXPECT_EQ(line_nested_too_deep("x = '" + many + "'\ny = \"\\\"" + many + "\""), 0u);
  EXPECT_EQ(line_nested_too_deep("x = '''\n" + many + "'" + many + "''\n''' "), 0u);
  EXPECT_EQ(line_nested_too_deep("\n\n" + many), 3u);
  EXPECT_EQ(line_nested_too_deep("x = \"\"\"\n\n\\\"\"\"\"" + many), 3u);
  EXPECT_EQ(line_nested_too_deep("x = [\"\"\"a\"\"\"\"\", {" + many), 1u) << "quotes before the closing three";
  EXPECT_EQ(line_nested_too_deep("x = ''" + many), 1u);
  EXPECT_EQ(line_nested_too_deep("x = \"open\n" + many), 2u);
  EXPECT_EQ(line_nested_too_deep("\""), 0u);
  EXPECT_EQ(line_nested_too_deep("\"\\"), 0u);
}

TEST(key_table, finds_keys_by_name_and_alias) {
  EXPECT_EQ(find_key("gossip", "ping_cycle"), find_key("gossip", "probe_interval"));
  EXPECT_EQ(find_key("gossip", "failure_threshold"), find_key("gossip", "suspicion_mult"));
  EXPECT_EQ(find_key("gossip", ""), nullptr);
  EXPECT_EQ(find_key("", "bind"), nullptr);
  for (const key& k : keys()) {
    EXPECT_EQ(find_key(k.section, k.name), &k) << "twice in the table: " << path_of(k);
    EXPECT_TRUE(is_section(k.section)) << k.section;
    EXPECT_FALSE(k.doc.empty()) << path_of(k);
    EXPECT_LE(k.min, k.max) << path_of(k);
  }
}

}  // namespace
}  // namespace troupe
