#include "runtime/pubsub/pubsub_message.hpp"

#include <gtest/gtest.h>

namespace troupe::pubsub {
namespace {

TEST(pubsub_message, an_update_survives_the_way) {
  interest_update u;
  u.from = 3;
  u.to = 9;
  u.items = {{{topic_kind::pattern, std::string("a\0*", 3)}, 2}, {{topic_kind::channel, ""}, 0}};
  const auto back = decode_pubsub(encode(u));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->update.from, 3u);
  EXPECT_EQ(back->update.to, 9u);
  ASSERT_EQ(back->update.items.size(), 2u);
  EXPECT_EQ(back->update.items[0].what, u.items[0].what);
  EXPECT_EQ(back->update.items[0].listeners, 2u);
  EXPECT_TRUE(back->messages.empty());
  EXPECT_TRUE(decode_pubsub(encode(interest_update{})));
}

TEST(pubsub_message, messages_survive_the_way) {
  const std::vector<channel_message> sent{{topic_kind::channel, "c", std::string(1000, 'x')},
                                          {topic_kind::shard_channel, "s", ""}};
  const auto back = decode_pubsub(encode(sent));
  ASSERT_TRUE(back);
  ASSERT_EQ(back->messages.size(), 2u);
  EXPECT_EQ(back->messages[0].payload, sent[0].payload);
  EXPECT_EQ(back->messages[1].kind, topic_kind::shard_channel);
}

TEST(pubsub_message, what_was_cut_off_is_refused) {
  interest_update u;
  u.to = 2;
  u.items = {{{topic_kind::channel, "one"}, 1}, {{topic_kind::channel, "two"}, 1}};
  for (const auto& whole : {encode(u), encode(std::vector<channel_message>{{topic_kind::channel, "c", "payload"}})}) {
    for (std::size_t n = 0; n < whole.size(); ++n) {
      const auto cut = decode_pubsub(std::string_view(whole).substr(0, n));
      EXPECT_FALSE(cut) << n;
    }
  }
}

TEST(pubsub_message, nonsense_is_refused) {
  EXPECT_FALSE(decode_pubsub(encode(std::vector<channel_message>{{topic_kind::pattern, "c*", "x"}})));
  interest_update back;
  back.from = 9;
  back.to = 3;
  EXPECT_FALSE(decode_pubsub(encode(back)));
  EXPECT_FALSE(decode_pubsub(encode(std::vector<channel_message>(batch_messages_max + 1))));
  EXPECT_FALSE(decode_pubsub("\xff\xff\xff"));
  EXPECT_EQ(*decode_pubsub_answer(encode_pubsub_answer(77)), 77u);
  EXPECT_FALSE(decode_pubsub_answer("\xff"));
}

}  // namespace
}  // namespace troupe::pubsub
