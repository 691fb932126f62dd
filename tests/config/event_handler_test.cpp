#include "config/event_handler.hpp"

#include "tests/config/fixture.hpp"

namespace troupe {
namespace {

event_handler_spec read(std::string_view text) {
  auto spec = parse_event_handler(text);
  EXPECT_TRUE(spec) << text << ": " << (spec ? "" : spec.error().context);
  return spec.value_or(event_handler_spec{});
}

TEST(event_handler, handles_the_kinds_that_it_names) {
  const auto spec = read("member_joined|member_failed=/bin/a=b");
  EXPECT_EQ(spec.path, "/bin/a=b");
  EXPECT_TRUE(spec.handles_event("member_failed", ""));
  EXPECT_FALSE(spec.handles_event("member_alive", ""));
  EXPECT_FALSE(spec.handles_query("member_failed"));
}

TEST(event_handler, handles_user_events_by_name_or_all_of_them) {
  EXPECT_TRUE(read("user:deploy=/x").handles_event("user_event", "deploy"));
  EXPECT_FALSE(read("user:deploy=/x").handles_event("user_event", "other"));
  EXPECT_FALSE(read("user:deploy=/x").handles_event("member_joined", "deploy"));
  EXPECT_TRUE(read("user=/x").handles_event("user_event", "other"));
}

TEST(event_handler, answers_queries_by_name_and_never_by_the_star) {
  EXPECT_TRUE(read("query:load=/x").handles_query("load"));
  EXPECT_FALSE(read("query:load=/x").handles_query("uptime"));
  EXPECT_TRUE(read("query=/x").handles_query("uptime"));
  EXPECT_TRUE(read("*=/x").handles_event("anything", ""));
  EXPECT_FALSE(read("*=/x").handles_query("load"));
}

TEST(event_handler, that_is_malformed_is_refused) {
  for (const char* bad : {"", "=", "=/x", "member_joined", "member_joined=", "member_joined=relative/path", "user:=/x",
                          "query:=/x", "user:a b=/x", "Member=/x", "a||b=/x", "|=/x", "a|=/x", "us er=/x"}) {
    EXPECT_FALSE(parse_event_handler(bad)) << bad;
  }
  EXPECT_FALSE(parse_event_handler(std::string_view("a=/x\0y", 6)));
}

class events_section : public config_test {};

TEST_F(events_section, is_checked_with_the_rest) {
  config_sources sources;
  sources.settings = {{"node.services", "cache"}, {"events.handlers", "user:deploy=/bin/true,nonsense"}};
  const auto c = load_config(sources);
  ASSERT_FALSE(c);
  EXPECT_NE(c.error().context.find("\"nonsense\" is not FILTER=/path"), std::string::npos) << c.error().context;
  sources.settings.back().second = "user:deploy=/bin/true, member_failed|member_joined=/bin/true";
  EXPECT_EQ(loaded(sources).events.handlers.size(), 2U);
}

}  // namespace
}  // namespace troupe
