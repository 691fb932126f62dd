// Messages on their way to one node: batches, repetition, and what had no room.
#include "runtime/topics/topic_outbox.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

struct outbox : testing::Test {
  topic_message message(const std::string& topic, std::size_t bytes = 10) {
    return {topic,
            ++clock,
            {},
            false,
            topic_message::kind::content,
            std::make_shared<const std::string>(std::string(bytes, 'x'))};
  }
  topic_packet take() { return box.take(clock); }

  std::uint64_t clock = 0;
  topic_outbox box;
};

TEST_F(outbox, begins_anew_until_that_was_answered) {
  ASSERT_TRUE(box.due());
  EXPECT_TRUE(take().anew);
  EXPECT_FALSE(box.due()) << "one at a time";
  box.on_sent(topic_outcome::silence);
  EXPECT_TRUE(take().anew);
  box.on_sent(topic_outcome::answered);
  EXPECT_FALSE(box.due());
  ASSERT_TRUE(box.add(message("t")));
  EXPECT_FALSE(take().anew);
}

TEST_F(outbox, sends_the_same_again_until_it_is_answered) {
  ASSERT_TRUE(box.add(message("t")));
  ASSERT_TRUE(box.add(message("u")));
  ASSERT_EQ(take().messages.size(), 2u);
  ASSERT_TRUE(box.add(message("v")));
  EXPECT_EQ(box.on_sent(topic_outcome::silence), 2u);
  const auto again = take();
  ASSERT_EQ(again.messages.size(), 3u);
  EXPECT_EQ(again.messages[0].topic, "t");
  EXPECT_EQ(again.messages[2].topic, "v");
  box.on_sent(topic_outcome::answered);
  EXPECT_EQ(box.waiting(), 0u);
}

TEST_F(outbox, sends_what_waits_in_batches) {
  for (std::size_t i = 0; i < topic_batch_messages_max + 5; ++i) ASSERT_TRUE(box.add(message("t")));
  EXPECT_EQ(take().messages.size(), topic_batch_messages_max);
  box.on_sent(topic_outcome::answered);
  EXPECT_EQ(take().messages.size(), 5u);
  box.on_sent(topic_outcome::answered);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(box.add(message("t", topic_outbox::batch_bytes_max / 2)));
  EXPECT_EQ(take().messages.size(), 1u);
}

TEST_F(outbox, tells_what_had_no_room_with_the_next_message_of_its_topic) {
  const std::size_t large = topic_outbox::waiting_bytes_max / 4;
  ASSERT_TRUE(box.add(message("t", large)));
  (void)take();
  while (box.add(message("t", large))) {
  }
  EXPECT_FALSE(box.add(message("t", large)));
  EXPECT_FALSE(box.add(message("u", large)));
  box.on_sent(topic_outcome::answered);
  ASSERT_TRUE(box.add(message("t")));
  std::string told;
  std::uint64_t last = 0;
  while (box.due()) {
    for (const auto& m : take().messages) {
      EXPECT_GT(m.count, last);
      last = m.count;
      if (m.missed == 0) continue;
      told +=
          m.topic + std::to_string(m.missed) + (m.what == topic_message::kind::missed ? " alone " : " with the next ");
    }
    box.on_sent(topic_outcome::answered);
  }
  EXPECT_EQ(told, "t2 with the next u1 alone ");
}

TEST_F(outbox, remembers_a_bounded_number_of_topics_that_missed_some) {
  (void)take();
  box.on_sent(topic_outcome::answered);
  ASSERT_TRUE(box.add(message("first", topic_outbox::waiting_bytes_max)));
  for (std::size_t i = 0; i <= topic_outbox::missed_topics_max; ++i) {
    EXPECT_FALSE(box.add(message("t" + std::to_string(i))));
  }
  EXPECT_TRUE(take().anew) << "all may have missed some";
}

TEST_F(outbox, what_is_refused_is_missed) {
  ASSERT_TRUE(box.add(message("t")));
  (void)take();
  EXPECT_EQ(box.on_sent(topic_outcome::refused), 1u);
  const auto next = take();
  ASSERT_EQ(next.messages.size(), 1u);
  EXPECT_EQ(next.messages[0].what, topic_message::kind::missed);
  box.on_sent(topic_outcome::refused);
  EXPECT_EQ(box.waiting(), 0u);
}

}  // namespace
}  // namespace troupe
