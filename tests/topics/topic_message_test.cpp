// The wire form of topics, and what is refused of it.
#include "runtime/topics/topic_message.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

topic_content content(std::string bytes) { return std::make_shared<const std::string>(std::move(bytes)); }

topic_packet messages() {
  topic_packet p;
  p.anew = true;
  p.version = 7;
  p.messages = {{"news", 7, {"a", "b"}, true, topic_message::kind::content, content("hello"), 3},
                {"news", 8, {}, true, topic_message::kind::gone},
                {"old", 9, {}, false, topic_message::kind::missed, nullptr, 5}};
  return p;
}

topic_packet retained() {
  topic_packet p;
  p.part = topic_packet::kind::retained;
  p.retained.asks = true;
  p.retained.sum = 99;
  p.retained.whole = true;
  p.retained.known = {{"t", {5, {1, 2}}}};
  p.retained.values = {{"t", {{5, {1, 2}}, content("")}}, {"gone", {{6, {3, 4}}, nullptr}}};
  p.retained.wanted = {"u"};
  p.retained.more = true;
  return p;
}

topic_packet interest() {
  topic_packet p;
  p.part = topic_packet::kind::interest;
  p.update.from = 1;
  p.update.to = 3;
  p.update.items = {{{pubsub::topic_kind::channel, "news"}, 2},
                    {{pubsub::topic_kind::group, std::string("n\0g", 3)}, 1}};
  return p;
}

TEST(topic_message, messages_survive_the_way) {
  const auto back = decode_topic_packet(encode(messages()));
  ASSERT_TRUE(back) << describe(back.error());
  EXPECT_TRUE(back->anew);
  EXPECT_EQ(back->version, 7u);
  ASSERT_EQ(back->messages.size(), 3u);
  EXPECT_EQ(*back->messages[0].content, "hello");
  EXPECT_EQ(back->messages[0].groups, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(back->messages[0].missed, 3u);
  EXPECT_EQ(back->messages[1].what, topic_message::kind::gone);
  EXPECT_EQ(back->messages[2].missed, 5u);
}

TEST(topic_message, retained_values_and_interest_survive_the_way) {
  const auto back = decode_topic_packet(encode(retained()));
  ASSERT_TRUE(back) << describe(back.error());
  const auto& r = back->retained;
  EXPECT_TRUE(r.asks && r.whole && r.more);
  EXPECT_EQ(r.sum, 99u);
  EXPECT_EQ(r.known[0].stamp, (topic_stamp{5, {1, 2}}));
  EXPECT_TRUE(r.values[0].value.content != nullptr);
  EXPECT_TRUE(r.values[1].value.content == nullptr);
  EXPECT_EQ(r.wanted, std::vector<std::string>{"u"});
  const auto told = decode_topic_packet(encode(interest()));
  ASSERT_TRUE(told);
  EXPECT_EQ(told->update.to, 3u);
  EXPECT_EQ(told->update.items.size(), 2u);
}

TEST(topic_message, is_refused_when_it_was_cut_off_at_any_byte) {
  for (const auto& p : {messages(), retained(), interest()}) {
    const auto whole = encode(p);
    for (std::size_t n = 0; n < whole.size(); ++n) {
      const auto cut = decode_topic_packet(std::string_view(whole).substr(0, n));
      ASSERT_FALSE(cut) << n;
      EXPECT_EQ(cut.error().code, errc::corrupt);
    }
  }
}

TEST(topic_message, is_refused_when_it_makes_no_sense) {
  const auto refused = [](const topic_message& m) {
    topic_packet p;
    p.messages = {m};
    return !decode_topic_packet(encode(p));
  };
  const auto c = content("x");
  EXPECT_FALSE(refused({"t", 1, {}, false, topic_message::kind::content, c}));
  EXPECT_TRUE(refused({"", 1, {}, false, topic_message::kind::content, c}));
  EXPECT_TRUE(refused({std::string(topic_bytes_max + 1, 't'), 1, {}, false, topic_message::kind::content, c}));
  EXPECT_TRUE(refused({std::string("a\0b", 3), 1, {}, false, topic_message::kind::content, c}));
  EXPECT_TRUE(refused({"t", 0, {}, false, topic_message::kind::content, c}));
  EXPECT_TRUE(refused({"t", topic_count_max, {}, false, topic_message::kind::content, c}));
  EXPECT_TRUE(refused({"t", 1, {"g", "g"}, false, topic_message::kind::content, c})) << "one of it would get two";
  EXPECT_TRUE(refused({"t", 1, {""}, false, topic_message::kind::content, c}));
  EXPECT_TRUE(refused({"t", 1, {}, false, static_cast<topic_message::kind>(3), c}));
  EXPECT_TRUE(refused(
      {"t", 1, {}, false, topic_message::kind::content, content(std::string(topic_content_bytes_max + 1, 'x'))}));
  topic_packet many;
  many.messages.assign(topic_batch_messages_max + 1, {"t", 1, {}, false, topic_message::kind::content, c});
  EXPECT_FALSE(decode_topic_packet(encode(many)));
  topic_packet unknown;
  unknown.part = static_cast<topic_packet::kind>(9);
  EXPECT_FALSE(decode_topic_packet(encode(unknown)));
  EXPECT_FALSE(decode_topic_packet("\xff\xff\xff"));
}

}  // namespace
}  // namespace troupe
