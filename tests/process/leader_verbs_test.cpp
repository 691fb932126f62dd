// The verbs of `troupe leader` against a real node.
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

TEST(leader_verbs, show_the_leader_with_its_term_and_why) {
  single_node node;
  auto o = ask(node, {"leader"});
  EXPECT_EQ(o.exit_code, 0) << o.err;
  for (const char* word : {"name", "pid", "term", "fenced", "since", "change  started"})
    EXPECT_THAT(o.out, HasSubstr(word));
  o = ask(node, {"leader", "--json"});
  EXPECT_THAT(o.out, HasSubstr("\"change\":\"started\""));
}

TEST(leader_verbs, that_hand_over_say_why_they_cannot) {
  single_node node;
  auto o = ask(node, {"leader", "transfer", "nobody"});
  EXPECT_EQ(o.exit_code, 1);
  EXPECT_THAT(o.err, HasSubstr("this node leads itself alone"));
  o = ask(node, {"leader", "resign"});
  EXPECT_EQ(o.exit_code, 1);
  EXPECT_THAT(o.err, HasSubstr("this node leads itself alone"));
  EXPECT_EQ(ask(node, {"leader", "transfer"}).exit_code, 64);
  EXPECT_EQ(ask(node, {"leader", "nonsense"}).exit_code, 64);
  EXPECT_EQ(run({"leader", "resign", "--http", "http://127.0.0.1:1"}).exit_code, 69);
  EXPECT_EQ(run({"leader", "--watch", "--http", "http://127.0.0.1:1"}).exit_code, 69);
}

TEST(lock_verbs, take_list_renew_and_release) {
  single_node node;
  auto o = ask(node, {"lock", "deploy", "--ttl", "1m"});
  ASSERT_EQ(o.exit_code, 0) << o.err;
  EXPECT_EQ(o.out, "1\n");
  o = ask(node, {"locks"});
  EXPECT_THAT(o.out, HasSubstr("deploy"));
  o = ask(node, {"lock", "deploy"});
  EXPECT_EQ(o.exit_code, 1);
  EXPECT_THAT(o.err, HasSubstr("held by"));
  EXPECT_EQ(ask(node, {"lock", "deploy", "--renew", "1", "--ttl", "2m"}).exit_code, 0);
  EXPECT_EQ(ask(node, {"unlock", "deploy", "2"}).exit_code, 1);
  EXPECT_EQ(ask(node, {"unlock", "deploy", "1"}).exit_code, 0);
  o = ask(node, {"lock", "deploy", "--wait", "5s", "--json"});
  EXPECT_EQ(o.exit_code, 0) << o.err;
  EXPECT_THAT(o.out, HasSubstr("\"token\":2"));
  EXPECT_EQ(ask(node, {"lock", "a b"}).exit_code, 1);
  EXPECT_EQ(ask(node, {"lock", "x", "--wait", "soon"}).exit_code, 64);
  EXPECT_EQ(ask(node, {"unlock", "x"}).exit_code, 64);
}

}  // namespace
}  // namespace troupe::test
