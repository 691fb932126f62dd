#include <gtest/gtest.h>

#include "gateways/http/conditions.hpp"
#include "gateways/http/routes.hpp"
#include "gateways/http/uri.hpp"

namespace troupe {
namespace {

expected<void> add(http_routes& to, http_method method, std::string pattern) {
  http_route route;
  route.method = method;
  route.pattern = std::move(pattern);
  return to.add(std::move(route));
}

TEST(uri, decodes_any_byte) {
  EXPECT_EQ(percent_decode("a%2Fb%00%fF+"), std::string("a/b\0\xff+", 6));
  EXPECT_EQ(percent_decode(""), "");
}

TEST(uri, refuses_broken_escapes) {
  for (const char* text : {"%", "%1", "a%g0", "%0g", "%%20"}) EXPECT_FALSE(percent_decode(text)) << text;
}

TEST(uri, encodes_what_decodes_back) {
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
  EXPECT_EQ(percent_encode("a/b c", true), "a/b%20c");
  EXPECT_EQ(percent_encode("a/b c", false), "a%2Fb%20c");
}

TEST(uri, reads_queries) {
  const auto q = parse_query("a=1&b=x%20y&&flag");
  ASSERT_TRUE(q);
  EXPECT_EQ(*q, (query_parameters{{"a", "1"}, {"b", "x y"}, {"flag", ""}}));
  EXPECT_FALSE(parse_query("a=%zz"));
  std::string many;
  for (std::size_t i = 0; i <= query_parameters_max; ++i) many += "a&";
  EXPECT_FALSE(parse_query(many));
}

TEST(http_routes, finds_literals_before_parameters_and_longer_prefixes_first) {
  http_routes routes;
  ASSERT_TRUE(add(routes, http_method::get, "/v1/{any...}"));
  ASSERT_TRUE(add(routes, http_method::get, "/v1/cache/{cache}/{key...}"));
  ASSERT_TRUE(add(routes, http_method::get, "/v1/cache/{cache}"));
  ASSERT_TRUE(add(routes, http_method::get, "/v1/cache/stats"));
  const auto pattern = [&](std::string_view path) {
    const auto m = routes.find(http_method::get, path);
    return m.route == nullptr ? std::string("none") : m.route->pattern;
  };
  EXPECT_EQ(pattern("/v1/cache/stats"), "/v1/cache/stats");
  EXPECT_EQ(pattern("/v1/cache/x"), "/v1/cache/{cache}");
  EXPECT_EQ(pattern("/v1/cache/x/"), "/v1/cache/{cache}/{key...}");
  EXPECT_EQ(pattern("/v1/other"), "/v1/{any...}");
  EXPECT_EQ(pattern("/v2"), "none");
  const auto m = routes.find(http_method::get, "/v1/cache/c%20d/a/b//c");
  EXPECT_EQ(m.parameters[0], "c%20d");
  EXPECT_EQ(m.parameters[1], "a/b//c");
}

TEST(http_routes, matches_segments_between_parameters) {
  http_routes routes;
  ASSERT_TRUE(add(routes, http_method::post, "/v1/entities/{entity}/rows/{id}"));
  const auto m = routes.find(http_method::post, "/v1/entities/user/rows/7");
  ASSERT_NE(m.route, nullptr);
  EXPECT_EQ(m.parameters[0], "user");
  EXPECT_EQ(m.parameters[1], "7");
  for (const char* path : {"/v1/entities/user/rows", "/v1/entities/user/rows/", "/v1/entities//rows/7",
                           "/v1/entities/user/lines/7", "/v1/entities/user/rows/7/8"}) {
    EXPECT_FALSE(routes.find(http_method::post, path).path_known) << path;
  }
}

TEST(http_routes, answers_head_by_get_and_lists_what_is_allowed) {
  http_routes routes;
  ASSERT_TRUE(add(routes, http_method::get, "/a"));
  ASSERT_TRUE(add(routes, http_method::erase, "/a"));
  ASSERT_TRUE(add(routes, http_method::post, "/b"));
  ASSERT_NE(routes.find(http_method::head, "/a").route, nullptr);
  EXPECT_EQ(routes.find(http_method::head, "/b").route, nullptr);
  EXPECT_TRUE(routes.find(http_method::put, "/a").path_known);
  EXPECT_EQ(routes.allowed("/a"), "GET, HEAD, DELETE");
  EXPECT_EQ(routes.allowed("/b"), "POST");
}

TEST(http_routes, refuses_doubtful_rows) {
  http_routes routes;
  for (const char* pattern : {"", "a", "/a{b}", "/{a", "/{}", "/{a...}/b", "/{a}//c", "/{a}/{b}/{c}/{d}/{e}"}) {
    EXPECT_FALSE(add(routes, http_method::get, pattern)) << pattern;
  }
  ASSERT_TRUE(add(routes, http_method::get, "/x/{a}"));
  EXPECT_FALSE(add(routes, http_method::get, "/x/{a}"));
  EXPECT_TRUE(add(routes, http_method::put, "/x/{a}"));
}

TEST(conditions, reads_lists_of_entity_tags) {
  const auto tags = parse_entity_tags(R"("1" , W/"23","abc")");
  ASSERT_TRUE(tags);
  EXPECT_EQ(tags->versions, (std::vector<std::uint64_t>{1, 23}));
  EXPECT_TRUE(tags->weak);
  EXPECT_TRUE(tags->foreign);
  EXPECT_TRUE(parse_entity_tags("*")->any);
  EXPECT_TRUE(parse_entity_tags("\"007\"")->versions.empty());
}

TEST(conditions, refuses_what_is_no_list) {
  const std::string list = "\"1\", W/\"2\"";
  EXPECT_TRUE(parse_entity_tags(list));
  for (const char* text : {"", "1", "\"1", "\"1\"2", "\"1\",", "W/", "*,\"1\"", "\"1\" \"2\""}) {
    EXPECT_FALSE(parse_entity_tags(text)) << text;
  }
  std::string many = "\"1\"";
  for (std::size_t i = 0; i < entity_tags_max; ++i) many += ",\"1\"";
  EXPECT_FALSE(parse_entity_tags(many));
}

TEST(conditions, decides_reads) {
  request_conditions c;
  EXPECT_EQ(c.status_of_read(5), 200);
  c.none_match = *parse_entity_tags("\"4\", W/\"5\"");
  EXPECT_EQ(c.status_of_read(5), 304);
  EXPECT_EQ(c.status_of_read(6), 200);
  c.match = *parse_entity_tags("\"6\"");
  EXPECT_EQ(c.status_of_read(5), 412);
  EXPECT_EQ(c.status_of_read(6), 200);
  c.match = *parse_entity_tags("W/\"6\"");
  EXPECT_EQ(c.status_of_read(6), 412);
}

TEST(conditions, turns_into_the_condition_of_a_write) {
  const auto rule = [](const char* match, const char* none_match) {
    request_conditions c;
    if (match != nullptr) c.match = *parse_entity_tags(match);
    if (none_match != nullptr) c.none_match = *parse_entity_tags(none_match);
    return rule_for_write(c);
  };
  EXPECT_EQ(rule(nullptr, nullptr)->condition, write_condition::none);
  EXPECT_EQ(rule("*", nullptr)->condition, write_condition::if_present);
  EXPECT_EQ(rule(nullptr, "*")->condition, write_condition::if_absent);
  EXPECT_EQ(rule("\"9\"", nullptr)->condition, write_condition::if_version);
  EXPECT_EQ(rule("\"9\"", nullptr)->version, 9u);
  EXPECT_TRUE(rule("\"x\"", nullptr)->never);
  EXPECT_TRUE(rule("W/\"9\"", nullptr)->never);
  EXPECT_FALSE(rule("\"1\",\"2\"", nullptr));
  EXPECT_FALSE(rule("\"1\"", "*"));
  EXPECT_FALSE(rule(nullptr, "\"1\""));
}

}  // namespace
}  // namespace troupe
