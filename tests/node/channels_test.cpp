// Channels of a whole cluster: subscribers and publishers at different nodes, which come and go.
#include <troupe/local_cluster.hpp>

#include <optional>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "tests/resp/raw_client.hpp"

namespace troupe {
namespace {

using resp::client;

struct channels : ::testing::Test {
  void SetUp() override {
    local_cluster_options options;
    options.services = {"resp", "cache"};
    auto started = local_cluster::start(std::move(options));
    ASSERT_TRUE(started) << describe(started.error());
    cluster.emplace(std::move(*started));
  }
  client at(std::size_t node) { return client(cluster->at(node).addresses().resp); }

  static std::string subscribed(const std::string& word, const std::string& name) {
    return "*3\r\n$" + std::to_string(word.size()) + "\r\n" + word + "\r\n$" + std::to_string(name.size()) + "\r\n" +
           name + "\r\n:1\r\n";
  }
  /// Asks until the reply is that, as what is known elsewhere takes a moment.
  bool becomes(client& c, const std::string& command, const std::string& reply) {
    return cluster->wait_until([&](local_cluster&) { return c.ask(command, reply.size()) == reply; });
  }

  std::optional<local_cluster> cluster;
};

std::string message(const std::string& channel, const std::string& payload) {
  return "*3\r\n$7\r\nmessage\r\n$" + std::to_string(channel.size()) + "\r\n" + channel + "\r\n$" +
         std::to_string(payload.size()) + "\r\n" + payload + "\r\n";
}

TEST_F(channels, a_message_reaches_subscribers_at_all_nodes_once_and_in_order) {
  auto first = at(0);
  auto second = at(1);
  auto pattern = at(2);
  auto publisher = at(2);
  const auto confirmed = subscribed("subscribe", "news");
  ASSERT_EQ(first.ask("SUBSCRIBE news\r\n", confirmed.size()), confirmed);
  ASSERT_EQ(second.ask("SUBSCRIBE news\r\n", confirmed.size()), confirmed);
  const auto matched = subscribed("psubscribe", "n*");
  ASSERT_EQ(pattern.ask("PSUBSCRIBE n*\r\n", matched.size()), matched);
  ASSERT_TRUE(becomes(publisher, "PUBSUB NUMSUB news\r\n", "*2\r\n$4\r\nnews\r\n:2\r\n"));
  std::string said;
  std::string expected;
  std::string replies;
  for (int i = 0; i < 500; ++i) {
    said += "PUBLISH news " + std::to_string(i) + "\r\n";
    expected += message("news", std::to_string(i));
    replies += ":3\r\n";
  }
  EXPECT_EQ(publisher.ask(said, replies.size()), replies);
  EXPECT_EQ(first.hear(expected.size()), expected);
  EXPECT_EQ(second.hear(expected.size()), expected);
  EXPECT_NE(pattern.hear(20).find("pmessage"), std::string::npos);
}

TEST_F(channels, shard_channels_go_across_nodes_too) {
  auto listener = at(0);
  auto publisher = at(1);
  const auto confirmed = subscribed("ssubscribe", "s");
  ASSERT_EQ(listener.ask("SSUBSCRIBE s\r\n", confirmed.size()), confirmed);
  ASSERT_TRUE(becomes(publisher, "PUBSUB SHARDNUMSUB s\r\n", "*2\r\n$1\r\ns\r\n:1\r\n"));
  EXPECT_EQ(publisher.ask("SPUBLISH s hi\r\n", 4), ":1\r\n");
  EXPECT_EQ(publisher.ask("PUBLISH s hi\r\n", 4), ":0\r\n");
  const std::string got = "*3\r\n$8\r\nsmessage\r\n$1\r\ns\r\n$2\r\nhi\r\n";
  EXPECT_EQ(listener.hear(got.size()), got);
}

TEST_F(channels, subscribers_of_a_node_that_is_gone_are_not_counted) {
  const auto victim = (cluster->leader() + 1) % 3;
  const auto other = (victim + 1) % 3;
  auto publisher = at(other);
  {
    auto listener = at(victim);
    const auto confirmed = subscribed("subscribe", "c");
    ASSERT_EQ(listener.ask("SUBSCRIBE c\r\n", confirmed.size()), confirmed);
    ASSERT_TRUE(becomes(publisher, "PUBLISH c x\r\n", ":1\r\n"));
    cluster->kill(victim);
  }
  ASSERT_TRUE(becomes(publisher, "PUBLISH c x\r\n", ":0\r\n"));
  ASSERT_TRUE(cluster->restart(victim));
  auto listener = at(victim);
  const auto confirmed = subscribed("subscribe", "c");
  ASSERT_EQ(listener.ask("SUBSCRIBE c\r\n", confirmed.size()), confirmed);
  ASSERT_TRUE(becomes(publisher, "PUBSUB NUMSUB c\r\n", "*2\r\n$1\r\nc\r\n:1\r\n"));
  EXPECT_EQ(publisher.ask("PUBLISH c back\r\n", 4), ":1\r\n");
  const auto expected = message("c", "back");
  std::string heard = listener.hear(expected.size());
  EXPECT_EQ(heard, expected);
}

TEST_F(channels, who_is_cut_off_hears_again_after_the_network_heals) {
  const auto away = (cluster->leader() + 1) % 3;
  const auto other = (away + 1) % 3;
  auto publisher = at(other);
  auto listener = at(away);
  const auto confirmed = subscribed("subscribe", "c");
  ASSERT_EQ(listener.ask("SUBSCRIBE c\r\n", confirmed.size()), confirmed);
  ASSERT_TRUE(becomes(publisher, "PUBSUB NUMSUB c\r\n", "*2\r\n$1\r\nc\r\n:1\r\n"));
  cluster->partition({away});
  ASSERT_TRUE(becomes(publisher, "PUBSUB NUMSUB c\r\n", "*2\r\n$1\r\nc\r\n:0\r\n"));
  cluster->heal();
  ASSERT_TRUE(becomes(publisher, "PUBSUB NUMSUB c\r\n", "*2\r\n$1\r\nc\r\n:1\r\n"));
  EXPECT_EQ(publisher.ask("PUBLISH c again\r\n", 4), ":1\r\n");
  const auto expected = message("c", "again");
  EXPECT_EQ(listener.hear(expected.size()), expected);
}

}  // namespace
}  // namespace troupe
