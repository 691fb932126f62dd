// What one node's clients listen to, and what others have to be told of it.
#include "runtime/pubsub/interest_ledger.hpp"

#include <map>
#include <random>

#include <gtest/gtest.h>

namespace troupe::pubsub {
namespace {

topic_view channel(std::string_view name) { return {topic_kind::channel, name}; }
topic_view pattern(std::string_view name) { return {topic_kind::pattern, name}; }

TEST(interest_ledger, counts_who_gets_a_message) {
  interest_ledger l;
  l.change(channel("news"), 1);
  l.change(channel("news"), 1);
  l.change(pattern("n*"), 1);
  l.change({topic_kind::shard_channel, "news"}, 5);
  EXPECT_EQ(l.listeners(channel("news")), 2u);
  EXPECT_EQ(l.audience(topic_kind::channel, "news"), 3u);
  EXPECT_EQ(l.audience(topic_kind::channel, "never"), 1u);
  EXPECT_EQ(l.audience(topic_kind::channel, "News"), 0u);
  EXPECT_EQ(l.audience(topic_kind::shard_channel, "news"), 5u);
  EXPECT_EQ(l.count(topic_kind::channel), 1u);
  l.change(channel("news"), -1);
  l.change(channel("news"), -1);
  l.change(channel("news"), -1);
  EXPECT_EQ(l.listeners(channel("news")), 0u);
  EXPECT_EQ(l.count(topic_kind::channel), 0u);
}

TEST(interest_ledger, tells_only_what_changed_since) {
  interest_ledger l;
  l.change(channel("a"), 1);
  l.change(channel("b"), 1);
  const auto all = l.since(0);
  EXPECT_EQ(all.from, 0u);
  EXPECT_EQ(all.to, 2u);
  EXPECT_EQ(all.items.size(), 2u);
  l.change(channel("a"), -1);
  const auto news = l.since(all.to);
  ASSERT_EQ(news.items.size(), 1u);
  EXPECT_EQ(news.items[0].what.name, "a");
  EXPECT_EQ(news.items[0].listeners, 0u);
  EXPECT_TRUE(l.since(news.to).items.empty());
  EXPECT_EQ(l.since(0).items.size(), 1u) << "who begins anew hears of nobody who has gone";
  EXPECT_EQ(l.since(99).from, 0u) << "a version that was never given";
}

TEST(interest_ledger, names_of_topics_that_nobody_hears_any_more_take_bounded_memory) {
  interest_ledger l;
  const std::string padding(100'000, 'x');
  std::size_t longest = 0;
  for (int i = 0; i < 200; ++i) {
    l.change(channel(padding + std::to_string(i)), 1);
    l.change(channel(padding + std::to_string(i)), -1);
    std::size_t bytes = 0;
    for (std::uint64_t known = 1; known < l.version();) {
      const auto u = l.since(known);
      if (u.from == 0) break;  // it forgot: who knows as little begins anew
      for (const auto& item : u.items) bytes += item.what.name.size();
      known = u.to;
    }
    longest = std::max(longest, bytes);
  }
  EXPECT_GT(longest, gone_bytes_max / 4);
  EXPECT_LE(longest, gone_bytes_max + padding.size() + 10);
}

TEST(interest_ledger, large_news_come_in_parts) {
  interest_ledger l;
  for (std::size_t i = 0; i < update_items_max * 2 + 10; ++i) l.change(channel("c" + std::to_string(i)), 1);
  std::size_t heard = 0;
  std::size_t parts = 0;
  for (std::uint64_t known = 0; known != l.version(); ++parts) {
    const auto u = l.since(known);
    ASSERT_LE(u.items.size(), update_items_max);
    EXPECT_EQ(u.from, known);
    heard += u.items.size();
    known = u.to;
  }
  EXPECT_EQ(heard, update_items_max * 2 + 10);
  EXPECT_EQ(parts, 3u);
}

// The other side of since(): what a node knows that applies every part.
struct listener {
  std::map<std::string, std::uint32_t> known;
  std::uint64_t version = 0;

  void hear(const interest_update& u) {
    ASSERT_TRUE(u.from == 0 || u.from == version);
    if (u.from == 0) known.clear();
    for (const auto& i : u.items) {
      if (i.listeners == 0)
        known.erase(i.what.name);
      else
        known[i.what.name] = i.listeners;
    }
    version = u.to;
  }
};

TEST(interest_ledger, topics_long_gone_are_forgotten_and_nobody_believes_in_them_for_ever) {
  interest_ledger l;
  listener slow;
  listener beginner;
  for (int i = 0; i < 10; ++i) l.change(channel("stays" + std::to_string(i)), 1);
  l.change(channel("goes"), 1);
  slow.hear(l.since(slow.version));
  for (std::size_t i = 0; i < gone_kept_max + 10; ++i) {
    const auto name = "t" + std::to_string(i);
    l.change(channel(name), 1);
    if (i == 0) l.change(channel("goes"), -1);
    l.change(channel(name), -1);
    if (i == gone_kept_max - 5) beginner.hear(l.since(0));  // just before some are forgotten
  }
  for (auto* who : {&slow, &beginner}) {
    int parts = 0;
    for (; who->version != l.version() && parts < 100; ++parts) who->hear(l.since(who->version));
    EXPECT_LT(parts, 100) << "it never ends";
    EXPECT_EQ(who->known.size(), 10u);
  }
}

TEST(interest_ledger, every_listener_ends_with_the_truth_whatever_happens_meanwhile) {
  std::mt19937 random(7);
  interest_ledger l;
  std::map<std::string, std::uint32_t> truth;
  std::vector<listener> listeners(3);
  for (int step = 0; step < 20000; ++step) {
    const auto name = "c" + std::to_string(random() % 50);
    const int by = random() % 2 == 0 || truth[name] == 0 ? 1 : -1;
    l.change(channel(name), by);
    truth[name] = static_cast<std::uint32_t>(static_cast<int>(truth[name]) + by);
    auto& who = listeners[random() % listeners.size()];
    if (random() % 100 == 0) who = {};
    if (random() % 5 == 0) who.hear(l.since(who.version));
  }
  std::erase_if(truth, [](const auto& row) { return row.second == 0; });
  for (auto& who : listeners) {
    who.hear(l.since(who.version));
    EXPECT_EQ(who.known, truth);
  }
}

}  // namespace
}  // namespace troupe::pubsub
