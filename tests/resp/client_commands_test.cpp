// CLIENT and RESET: what a connection says of itself and of others. The wordings are those of Redis 7.0.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/resp/conversation.hpp"

namespace troupe::resp {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* ok = "+OK\r\n";
constexpr const char* syntax = "-ERR syntax error\r\n";

struct client_commands : testing::Test {
  conversation c;
};

TEST_F(client_commands, info_and_list_show_one_line_a_client) {
  c.say({"CLIENT", "SETNAME", "me"});
  c.say({"CLIENT", "SETINFO", "lib-name", "redis-py"});
  const auto info = c.say({"CLIENT", "INFO"});
  EXPECT_THAT(info,
              HasSubstr("id=1 addr=127.0.0.1:50000 laddr=127.0.0.1:6380 fd=9 name=me age=0 idle=0 flags=N db=0 "));
  EXPECT_THAT(info, HasSubstr(" cmd=client|info user=default redir=-1 resp=2 lib-name=redis-py lib-ver=\n\r\n"));
  const auto list = c.say({"CLIENT", "LIST"});
  EXPECT_THAT(list, HasSubstr(" cmd=client|list "));
  EXPECT_EQ(c.say({"CLIENT", "LIST", "ID", "1", "7"}).size(), list.size());
  EXPECT_EQ(c.say({"CLIENT", "LIST", "ID", "7"}), "$0\r\n\r\n");
  EXPECT_EQ(c.say({"CLIENT", "LIST", "TYPE", "pubsub"}), "$0\r\n\r\n");
  EXPECT_THAT(c.say({"CLIENT", "LIST", "TYPE", "NORMAL"}), HasSubstr("id=1 "));
  EXPECT_EQ(c.say({"CLIENT", "LIST", "TYPE", "foo"}), "-ERR Unknown client type 'foo'\r\n");
  EXPECT_EQ(c.say({"CLIENT", "LIST", "ID", "x"}), "-ERR Invalid client ID\r\n");
  for (const auto* word : {"ID", "TYPE", "foo"}) EXPECT_EQ(c.say({"CLIENT", "LIST", word}), syntax) << word;
  c.say({"HELLO", "3"});
  EXPECT_THAT(c.say({"CLIENT", "LIST"}), HasSubstr("\r\ntxt:id=1 "));
}

TEST_F(client_commands, kill_takes_filters_that_must_all_hold) {
  EXPECT_EQ(c.say({"CLIENT", "KILL", "127.0.0.1:1"}), "-ERR No such client\r\n");
  EXPECT_EQ(c.say({"CLIENT", "KILL", "ID", "1"}), ":0\r\n") << "not oneself";
  EXPECT_EQ(c.say({"CLIENT", "KILL", "ID", "9", "SKIPME", "no"}), ":0\r\n");
  EXPECT_EQ(c.say({"CLIENT", "KILL", "ID", "x"}), "-ERR client-id should be greater than 0\r\n");
  EXPECT_EQ(c.say({"CLIENT", "KILL", "TYPE", "foo"}), "-ERR Unknown client type 'foo'\r\n");
  EXPECT_EQ(c.say({"CLIENT", "KILL", "USER", "nobody"}), "-ERR No such user 'nobody'\r\n");
  EXPECT_EQ(c.say({"CLIENT", "KILL", "ID", "1", "ADDR"}), syntax);
  EXPECT_EQ(c.say({"CLIENT", "KILL", "SKIPME", "x"}), syntax);
  EXPECT_EQ(c.say({"CLIENT", "KILL", "foo", "bar"}), syntax);
  EXPECT_FALSE(c.client().closing());
  EXPECT_EQ(c.say({"CLIENT", "KILL", "TYPE", "normal", "ADDR", "127.0.0.1:50000", "SKIPME", "no"}), ":1\r\n");
  EXPECT_TRUE(c.client().closing());
}

TEST_F(client_commands, kill_by_address_ends_this_client_after_the_reply) {
  EXPECT_EQ(c.say({"CLIENT", "KILL", "127.0.0.1:50000"}), ok);
  EXPECT_TRUE(c.client().closing());
  EXPECT_FALSE(c.ended);
}

TEST_F(client_commands, reply_off_and_skip_keep_replies_back) {
  EXPECT_EQ(c.say(request({"CLIENT", "REPLY", "SKIP"}) + request({"SET", "k", "v"}) + request({"GET", "k"})),
            "$1\r\nv\r\n");
  EXPECT_EQ(c.say(request({"CLIENT", "REPLY", "SKIP"}) + request({"NOSUCH"}) + request({"PING"})), "+PONG\r\n");
  EXPECT_EQ(c.say({"CLIENT", "REPLY", "OFF"}), "");
  EXPECT_EQ(c.say(request({"SET", "k", "w"}) + request({"GET", "far:x"}) + request({"GET"}) + request({"PING"})), "");
  c.cache.answer_all();
  EXPECT_EQ(c.heard(), "");
  EXPECT_EQ(c.client().held_back(), 0u);
  EXPECT_EQ(c.say({"CLIENT", "REPLY", "foo"}), "");
  EXPECT_EQ(c.say({"CLIENT", "REPLY", "ON"}), ok);
  EXPECT_EQ(c.say({"GET", "k"}), "$1\r\nw\r\n");
  EXPECT_EQ(c.say({"CLIENT", "REPLY", "foo"}), syntax);
}

TEST_F(client_commands, pause_holds_commands_up_until_its_end) {
  EXPECT_EQ(c.say({"CLIENT", "PAUSE", "x"}), "-ERR timeout is not an integer or out of range\r\n");
  EXPECT_EQ(c.say({"CLIENT", "PAUSE", "-1"}), "-ERR timeout is negative\r\n");
  EXPECT_EQ(c.say({"CLIENT", "PAUSE", "1", "foo"}), "-ERR CLIENT PAUSE mode must be WRITE or ALL\r\n");
  EXPECT_EQ(c.say({"CLIENT", "PAUSE", "100"}), ok);
  EXPECT_EQ(c.say("SET \"k\" \"a b\"\r\nGET k\r\n"), "");
  EXPECT_EQ(c.result, run_result::paused);
  EXPECT_EQ(c.again_at, c.now + 100ms);
  c.pass(99ms);
  EXPECT_EQ(c.go_on(), "");
  c.pass(1ms);
  EXPECT_EQ(c.go_on(), "+OK\r\n$3\r\na b\r\n");
}

TEST_F(client_commands, pause_of_writes_lets_reads_through) {
  EXPECT_EQ(c.say({"CLIENT", "PAUSE", "1000", "WRITE"}), ok);
  EXPECT_EQ(c.say({"GET", "k"}), "$-1\r\n");
  EXPECT_EQ(c.say({"CLIENT", "UNPAUSE"}), ok);
  EXPECT_EQ(c.say({"SET", "k", "v"}), ok);
}

TEST_F(client_commands, tracking_is_answered_honestly) {
  EXPECT_EQ(c.say({"CLIENT", "TRACKING", "off"}), ok);
  EXPECT_EQ(c.say({"CLIENT", "TRACKING", "foo"}), syntax);
  EXPECT_EQ(c.say({"CLIENT", "TRACKING", "on"}), "-ERR client side caching is not offered by this server\r\n");
  EXPECT_THAT(c.say({"CLIENT", "CACHING", "yes"}), StartsWith("-ERR CLIENT CACHING can be called only when"));
  EXPECT_EQ(c.say({"CLIENT", "GETREDIR"}), ":-1\r\n");
  EXPECT_EQ(c.say({"CLIENT", "TRACKINGINFO"}),
            "*6\r\n$5\r\nflags\r\n*1\r\n$3\r\noff\r\n$8\r\nredirect\r\n:-1\r\n$8\r\nprefixes\r\n*0\r\n");
}

TEST_F(client_commands, switches_and_unblock_check_their_words) {
  EXPECT_EQ(c.say({"CLIENT", "NO-EVICT", "on"}), ok);
  EXPECT_EQ(c.say({"CLIENT", "NO-TOUCH", "on"}), ok);
  EXPECT_THAT(c.say({"CLIENT", "INFO"}), HasSubstr(" flags=eT "));
  EXPECT_EQ(c.say({"CLIENT", "NO-EVICT", "x"}), syntax);
  EXPECT_EQ(c.say({"CLIENT", "UNBLOCK", "3"}), ":0\r\n");
  EXPECT_EQ(c.say({"CLIENT", "UNBLOCK", "x"}), "-ERR value is not an integer or out of range\r\n");
  EXPECT_EQ(c.say({"CLIENT", "UNBLOCK", "3", "foo"}), "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR\r\n");
}

TEST_F(client_commands, reset_makes_the_connection_as_new) {
  c.say({"HELLO", "3", "SETNAME", "me"});
  c.say({"CLIENT", "NO-EVICT", "on"});
  c.say({"CLIENT", "REPLY", "OFF"});
  EXPECT_EQ(c.say({"RESET"}), "+RESET\r\n");
  EXPECT_EQ(c.say({"CLIENT", "GETNAME"}), "$-1\r\n");
  EXPECT_THAT(c.say({"CLIENT", "INFO"}), HasSubstr(" flags=N "));
}

TEST_F(client_commands, help_names_every_subcommand_with_its_syntax) {
  const auto help = c.say({"CLIENT", "HELP"});
  EXPECT_THAT(help, HasSubstr("+CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n"));
  EXPECT_THAT(help,
              HasSubstr("+PAUSE timeout [WRITE|ALL]\r\n+    Holds up the commands of all clients for a while.\r\n"));
  EXPECT_THAT(help, testing::EndsWith("+HELP\r\n+    Prints this help.\r\n"));
  for (const auto* container : {"CONFIG", "COMMAND", "SLOWLOG", "LATENCY"})
    EXPECT_THAT(c.say({container, "help"}), HasSubstr(std::string("+") + container + " <subcommand>"));
}

}  // namespace
}  // namespace troupe::resp
