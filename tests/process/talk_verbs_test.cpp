// The verbs tags, event, query and rtt against a real node.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/process/program.hpp"

namespace troupe::test {
namespace {

using testing::HasSubstr;

outcome ask(const single_node& node, std::vector<std::string> words) {
  words.push_back("--http");
  words.push_back(node.url());
  return run(words);
}

TEST(talk_verbs, set_list_and_delete_tags) {
  single_node node;
  auto o = ask(node, {"tags", "set", "zone=b", "rack=7"});
  EXPECT_EQ(o.exit_code, 0) << o.err;
  EXPECT_THAT(o.out, HasSubstr("zone  b"));
  o = ask(node, {"tags", "set", "--delete", "rack", "role=api"});
  EXPECT_EQ(o.exit_code, 0) << o.err;
  o = ask(node, {"tags"});
  EXPECT_EQ(o.exit_code, 0) << o.err;
  EXPECT_THAT(o.out, HasSubstr("role  api"));
  EXPECT_THAT(o.out, testing::Not(HasSubstr("rack")));
  o = ask(node, {"tags", "--json"});
  EXPECT_THAT(o.out, HasSubstr("\"role\":\"api\",\"zone\":\"b\"}}\n"));
  EXPECT_THAT(o.out, HasSubstr("{\"tags\":{\"resp\":\"127.0.0.1:")) << "the node tells where Redis clients reach it";
  o = ask(node, {"tags", "set", "a b=c"});
  EXPECT_EQ(o.exit_code, 1);
  EXPECT_THAT(o.err, HasSubstr("a tag's name has"));
  EXPECT_EQ(ask(node, {"tags", "set", "nonsense"}).exit_code, 64);
  EXPECT_EQ(ask(node, {"tags", "set"}).exit_code, 64);
}

TEST(talk_verbs, say_events_and_ask_queries) {
  single_node node;
  auto o = ask(node, {"event", "deploy", "v7"});
  EXPECT_EQ(o.exit_code, 0) << o.err;
  EXPECT_THAT(o.out, HasSubstr("said at Lamport time 1"));
  EXPECT_EQ(ask(node, {"event", "bad name"}).exit_code, 1);
  EXPECT_EQ(ask(node, {"event"}).exit_code, 64);
  o = ask(node, {"query", "ping", "--timeout", "5s"});
  EXPECT_EQ(o.exit_code, 0) << o.err;
  EXPECT_THAT(o.out, HasSubstr("member"));
  o = ask(node, {"query", "unknown-to-all"});
  EXPECT_THAT(o.out, HasSubstr("(no handler)"));
  EXPECT_EQ(ask(node, {"query", "ping", "--timeout", "soon"}).exit_code, 64);
  EXPECT_EQ(ask(node, {"query", "ping", "--tag", "nonsense"}).exit_code, 1);
  o = ask(node, {"query", "version", "--tag", "zone=nowhere"});
  EXPECT_EQ(o.exit_code, 0) << "nobody is asked";
  o = ask(node, {"rtt", "a", "b"});
  EXPECT_EQ(o.exit_code, 1);
  EXPECT_THAT(o.err, HasSubstr("no live member 'a'"));
}

TEST(talk_verbs, say_so_when_no_node_answers) {
  EXPECT_EQ(run({"tags", "--http", "http://127.0.0.1:1"}).exit_code, 69);
  EXPECT_EQ(run({"query", "ping", "--http", "http://127.0.0.1:1"}).exit_code, 69);
}

}  // namespace
}  // namespace troupe::test
