// Channels on one connection, and over sockets. The wordings are those of Redis 7.0.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/resp/conversation.hpp"
#include "tests/resp/loopback.hpp"

namespace troupe::resp {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct pubsub_commands : testing::Test {
  conversation c;
};

TEST_F(pubsub_commands, subscribing_is_confirmed_for_each_topic) {
  EXPECT_EQ(c.say({"SUBSCRIBE", "a", "b", "a"}),
            "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n"
            "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:2\r\n");
  EXPECT_EQ(c.say({"PSUBSCRIBE", "n*"}), "*3\r\n$10\r\npsubscribe\r\n$2\r\nn*\r\n:3\r\n");
  EXPECT_EQ(c.say({"SSUBSCRIBE", "s"}), "*3\r\n$10\r\nssubscribe\r\n$1\r\ns\r\n:1\r\n");
  EXPECT_EQ(c.say({"UNSUBSCRIBE"}),
            "*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:2\r\n*3\r\n$11\r\nunsubscribe\r\n$1\r\nb\r\n:1\r\n");
  EXPECT_EQ(c.say({"UNSUBSCRIBE"}), "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:1\r\n");
  EXPECT_EQ(c.say({"PUNSUBSCRIBE", "x"}), "*3\r\n$12\r\npunsubscribe\r\n$1\r\nx\r\n:1\r\n");
  EXPECT_EQ(c.say({"SUNSUBSCRIBE", "s"}), "*3\r\n$12\r\nsunsubscribe\r\n$1\r\ns\r\n:0\r\n");
  EXPECT_EQ(c.say({"PUNSUBSCRIBE"}), "*3\r\n$12\r\npunsubscribe\r\n$2\r\nn*\r\n:0\r\n");
  EXPECT_EQ(c.say({"GET", "k"}), "$-1\r\n");
  EXPECT_EQ(c.say({"SUBSCRIBE"}), "-ERR wrong number of arguments for 'subscribe' command\r\n");
}

TEST_F(pubsub_commands, messages_wait_until_the_reply_of_exec_is_complete) {
  c.say({"HELLO", "3"});
  c.say({"SUBSCRIBE", "a"});
  c.say({"MULTI"});
  for (const auto name : {"b", "c"}) EXPECT_EQ(c.say({"SUBSCRIBE", name}), "+QUEUED\r\n");
  EXPECT_EQ(c.say({"PUBLISH", "a", "hi"}), "+QUEUED\r\n");
  EXPECT_EQ(c.say({"PING"}), "+QUEUED\r\n");
  EXPECT_EQ(c.say({"EXEC"}),
            "*4\r\n>3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n>3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:3\r\n:1\r\n+PONG\r\n"
            ">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n");
  EXPECT_EQ(c.say({"PUBLISH", "b", "x"}), ">3\r\n$7\r\nmessage\r\n$1\r\nb\r\n$1\r\nx\r\n:1\r\n");
}

TEST_F(pubsub_commands, names_and_messages_that_no_other_node_can_be_told_are_refused) {
  const std::string name(pubsub::topic_name_bytes_max + 1, 'n');
  const std::string refused = "-ERR the name of a channel is longer than 1048576 bytes\r\n";
  EXPECT_EQ(c.say({"SUBSCRIBE", "a", name}), refused);
  EXPECT_EQ(c.say({"PSUBSCRIBE", name}), refused);
  EXPECT_EQ(c.say({"PUBLISH", name, "x"}), refused);
  EXPECT_EQ(c.subscribed.count(), 0u);
  c.settings.cache.value_max = 100;
  EXPECT_EQ(c.say({"PUBLISH", "a", std::string(100, 'x')}), "-ERR the message is too large\r\n");
  EXPECT_EQ(c.say({"PUBLISH", "a", std::string(99, 'x')}), ":0\r\n");
}

TEST_F(pubsub_commands, a_transaction_too_large_for_one_message_is_spoiled_and_keeps_nothing) {
  c.settings.cache.value_max = 1000;
  c.say({"MULTI"});
  EXPECT_EQ(c.say({"PING", std::string(500, 'x')}), "+QUEUED\r\n");
  EXPECT_EQ(c.say({"PING", std::string(500, 'x')}), "-ERR the commands of the transaction are too large\r\n");
  EXPECT_TRUE(c.client().more().transaction.queue.empty());
  EXPECT_EQ(c.say({"EXEC"}), "-EXECABORT Transaction discarded because of previous errors.\r\n");
}

TEST_F(pubsub_commands, a_resp2_subscriber_may_say_little) {
  c.say({"SUBSCRIBE", "a"});
  EXPECT_EQ(c.say({"GET", "k"}),
            "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in "
            "this context\r\n");
  EXPECT_EQ(c.say({"PING"}), "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
  EXPECT_EQ(c.say({"PING", "x"}), "*2\r\n$4\r\npong\r\n$1\r\nx\r\n");
  EXPECT_EQ(c.say({"RESET"}), "+RESET\r\n");
  EXPECT_EQ(c.say({"GET", "k"}), "$-1\r\n");
  EXPECT_EQ(c.subscribed.count(), 0u);
  EXPECT_EQ(c.say({"PUBSUB", "CHANNELS"}), "*0\r\n");
}

TEST_F(pubsub_commands, a_resp3_subscriber_gets_pushes_and_says_what_it_likes) {
  c.say({"HELLO", "3"});
  EXPECT_EQ(c.say({"SUBSCRIBE", "a"}), ">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
  c.say({"PSUBSCRIBE", "a*"});
  EXPECT_EQ(c.say({"PUBLISH", "a", "hi"}),
            ">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n>4\r\n$8\r\npmessage\r\n$2\r\na*\r\n$1\r\na\r\n$2\r\nhi\r\n:"
            "2\r\n");
  EXPECT_EQ(c.say({"PING"}), "+PONG\r\n");
  EXPECT_EQ(c.say({"SPUBLISH", "a", "hi"}), ":0\r\n");
  c.say({"SSUBSCRIBE", "a"});
  EXPECT_EQ(c.say({"SPUBLISH", "a", "hi"}), ">3\r\n$8\r\nsmessage\r\n$1\r\na\r\n$2\r\nhi\r\n:1\r\n");
  EXPECT_THAT(c.say({"CLIENT", "INFO"}), HasSubstr(" flags=P db=0 sub=1 psub=1 ssub=1 "));
  EXPECT_EQ(c.say({"UNSUBSCRIBE", "nosuch"}), ">3\r\n$11\r\nunsubscribe\r\n$6\r\nnosuch\r\n:2\r\n");
}

TEST_F(pubsub_commands, client_reply_off_keeps_no_message_back) {
  c.say({"HELLO", "3"});
  c.say({"CLIENT", "REPLY", "OFF"});
  EXPECT_EQ(c.say({"SUBSCRIBE", "a"}), ">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
  EXPECT_EQ(c.say({"PUBLISH", "a", "x"}), ">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n");
}

TEST_F(pubsub_commands, a_subscription_waits_for_earlier_replies) {
  EXPECT_EQ(c.say(request({"GET", "far:k"}) + request({"SUBSCRIBE", "a"}) + request({"PING"})), "");
  EXPECT_EQ(c.subscribed.count(), 0u);
  c.cache.answer_all();
  EXPECT_EQ(c.go_on(), "$-1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n");
}

TEST_F(pubsub_commands, pubsub_shows_who_listens) {
  c.say({"HELLO", "3"});
  c.say({"SUBSCRIBE", "news", "never"});
  c.say({"PSUBSCRIBE", "n*"});
  c.say({"SSUBSCRIBE", "s"});
  EXPECT_EQ(c.say({"PUBSUB", "CHANNELS"}), "*2\r\n$5\r\nnever\r\n$4\r\nnews\r\n");
  EXPECT_EQ(c.say({"PUBSUB", "CHANNELS", "*w*"}), "*1\r\n$4\r\nnews\r\n");
  EXPECT_EQ(c.say({"PUBSUB", "NUMSUB", "news", "x"}), "*4\r\n$4\r\nnews\r\n:1\r\n$1\r\nx\r\n:0\r\n");
  EXPECT_EQ(c.say({"PUBSUB", "NUMSUB"}), "*0\r\n");
  EXPECT_EQ(c.say({"PUBSUB", "NUMPAT"}), ":1\r\n");
  EXPECT_EQ(c.say({"PUBSUB", "SHARDCHANNELS"}), "*1\r\n$1\r\ns\r\n");
  EXPECT_EQ(c.say({"PUBSUB", "SHARDNUMSUB", "s"}), "*2\r\n$1\r\ns\r\n:1\r\n");
  EXPECT_THAT(c.say({"PUBSUB", "CHANNELS", "a", "b"}), StartsWith("-ERR wrong number of arguments for"));
  EXPECT_EQ(c.say({"PUBSUB", "FOO"}), "-ERR unknown subcommand 'FOO'. Try PUBSUB HELP.\r\n");
  EXPECT_THAT(c.say({"INFO", "stats"}), HasSubstr("pubsub_channels:2\r\npubsub_patterns:1\r\npubsubshard_channels:1"));
}

using pubsub_door = loopback;

TEST_F(pubsub_door, messages_reach_clients_of_all_threads_in_order) {
  open();
  auto a = connect();
  auto b = connect();
  auto d = connect();
  const std::string confirmed = "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n";
  EXPECT_EQ(a.ask("SUBSCRIBE c\r\n", confirmed.size()), confirmed);
  EXPECT_EQ(b.ask("SUBSCRIBE c\r\n", confirmed.size()), confirmed);
  std::string said;
  std::string expected;
  std::string replies;
  for (int i = 0; i < 1000; ++i) {
    const auto n = std::to_string(i);
    said += "PUBLISH c " + n + "\r\n";
    expected += "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$" + std::to_string(n.size()) + "\r\n" + n + "\r\n";
    replies += ":2\r\n";
  }
  EXPECT_EQ(d.ask(said, replies.size()), replies);
  EXPECT_EQ(a.hear(expected.size()), expected);
  EXPECT_EQ(b.hear(expected.size()), expected);
  EXPECT_EQ(metric("troupe_resp_messages_total"), 2000);
}

TEST_F(pubsub_door, a_client_that_ends_listens_no_more) {
  open();
  auto d = connect();
  {
    auto a = connect();
    a.ask("SUBSCRIBE c\r\n", 10);
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(patience_s);
  std::string reply;
  while (reply != ":0\r\n" && std::chrono::steady_clock::now() < deadline) reply = d.ask("PUBLISH c x\r\n", 4);
  EXPECT_EQ(reply, ":0\r\n");
  EXPECT_EQ(d.ask("PUBSUB CHANNELS\r\n", 4), "*0\r\n");
}

TEST_F(pubsub_door, a_subscriber_that_does_not_read_is_closed_at_its_limit) {
  open();
  auto d = connect();
  auto slow = connect(4096);
  EXPECT_EQ(d.ask("CONFIG SET client-output-buffer-limit \"pubsub 1mb 0 0\"\r\n", 5), "+OK\r\n");
  slow.ask("SUBSCRIBE c\r\n", 10);
  const std::string payload(100000, 'x');
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(patience_s);
  while (metric("troupe_resp_connections_closed_total{reason=\"slow\"}") < 1 &&
         std::chrono::steady_clock::now() < deadline)
    d.ask("*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$100000\r\n" + payload + "\r\n", 4);
  EXPECT_EQ(metric("troupe_resp_connections_closed_total{reason=\"slow\"}"), 1);
  EXPECT_EQ(d.ask("PING\r\n", 7), "+PONG\r\n");
}

}  // namespace
}  // namespace troupe::resp
