// Values by themselves: both forms of each type against plain models, and their bytes.
#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "runtime/base/random.hpp"
#include "runtime/cache/values/hash_value.hpp"
#include "runtime/cache/values/list_value.hpp"
#include "runtime/cache/values/set_value.hpp"
#include "runtime/cache/values/sorted_set_value.hpp"

namespace troupe {
namespace {

const value_limits usual;

std::vector<std::string> words_of(const value_object& o) {
  std::string packed;
  o.write_words(packed);
  word_list words;
  EXPECT_TRUE(words.read(packed));
  return {words.begin(), words.end()};
}

TEST(values, a_list_is_a_deque_at_any_size) {
  value_limits small;
  small.list_chunk_bytes = 64;
  list_value list(small);
  std::deque<std::string> model;
  random rng(7);
  for (int i = 0; i < 20'000; ++i) {
    const std::string word(rng.below(30) == 0 ? 100 : rng.below(12), static_cast<char>('a' + rng.below(26)));
    const auto place = model.empty() ? 0 : rng.below(model.size());
    const auto at = model.begin() + static_cast<std::ptrdiff_t>(place);
    switch (rng.below(8)) {
      case 0: list.push_front(word), model.push_front(word); break;
      case 1: list.push_back(word), model.push_back(word); break;
      case 2: list.insert(place, word), model.insert(at, word); break;
      case 3:
        if (!model.empty()) list.replace(place, word), *at = word;
        break;
      case 4:
        if (!model.empty()) list.erase(place), model.erase(at);
        break;
      case 5:
        if (model.size() > 300) {
          list.keep_range(10, 150);
          model.erase(model.begin(), model.begin() + 10);
          model.resize(150);
        }
        break;
      default:
        if (!model.empty()) {
          EXPECT_EQ(list.at(place), *at);
        }
    }
    ASSERT_EQ(list.size(), model.size());
  }
  EXPECT_TRUE(std::ranges::equal(words_of(list), model));
  std::vector<std::string> back;
  list.visit_back(list.size() - 1, [&](std::size_t, std::string_view word) {
    back.emplace_back(word);
    return true;
  });
  EXPECT_TRUE(std::equal(back.rbegin(), back.rend(), model.begin(), model.end()));
}

TEST(values, the_queue_of_a_list_takes_no_more_memory_than_what_is_in_it) {
  list_value list(usual);
  for (int i = 0; i < 100'000; ++i) {
    list.push_back(std::string(50, 'x'));
    if (list.size() > 1000) list.keep_range(1, list.size() - 1);
  }
  EXPECT_LT(list.bytes(), 200'000U);
}

TEST(values, a_sorted_set_finds_places_scores_and_members_in_both_forms) {
  for (const std::uint32_t compact : {1000U, 0U}) {
    value_limits limits;
    limits.sorted_set_compact_entries = compact;
    sorted_set_value z(limits, 3);
    std::map<std::string, double> scores;
    random rng(11);
    for (int i = 0; i < 4000; ++i) {
      const auto member = std::to_string(rng.below(300));
      const auto score = static_cast<double>(rng.below(40));
      if (rng.below(3) == 0) {
        EXPECT_EQ(z.remove(member), scores.erase(member) == 1);
      } else {
        EXPECT_EQ(z.put(member, score), !scores.contains(member));
        scores[member] = score;
      }
      if (i % 100 != 0) continue;
      std::vector<std::pair<double, std::string>> order;
      for (const auto& [m, s] : scores) order.emplace_back(s, m);
      std::sort(order.begin(), order.end());
      ASSERT_EQ(z.size(), order.size());
      std::size_t place = 0;
      z.visit(0, [&](std::string_view m, double s) {
        EXPECT_EQ(order[place], std::pair(s, std::string(m)));
        EXPECT_EQ(z.rank(m), place);
        ++place;
        return true;
      });
      const auto below = z.count_while([](double s, std::string_view) { return s < 20; });
      EXPECT_EQ(below, static_cast<std::size_t>(
                           std::count_if(order.begin(), order.end(), [](const auto& o) { return o.first < 20; })));
      if (order.size() > 5) {
        z.visit_back(5, [&](std::string_view m, double) {
          EXPECT_EQ(m, order[5].second);
          return false;
        });
      }
    }
    EXPECT_EQ(z.encoding(), compact == 0 ? "skiplist" : "listpack");
  }
}

TEST(values, change_their_form_at_the_limits_that_redis_has) {
  hash_value hash(usual, 1);
  for (int i = 0; i < 128; ++i) (void)hash.put("f" + std::to_string(i), "v");
  EXPECT_EQ(hash.encoding(), "listpack");
  (void)hash.put("one more", "v");
  EXPECT_EQ(hash.encoding(), "hashtable");
  hash_value wide(usual, 1);
  (void)wide.put("f", std::string(65, 'v'));
  EXPECT_EQ(wide.encoding(), "hashtable");
  set_value set(usual, 1);
  for (int i = 0; i < 512; ++i) (void)set.add(std::to_string(i));
  EXPECT_EQ(set.encoding(), "intset");
  (void)set.add("512");
  EXPECT_EQ(set.encoding(), "hashtable");
  set_value words(usual, 1);
  (void)words.add("1");
  (void)words.add("a");
  EXPECT_EQ(words.encoding(), "listpack");
  EXPECT_TRUE(words.contains("1"));
}

TEST(values, a_scan_of_a_table_meets_every_member_that_stays) {
  set_value set(usual, 5);
  for (int i = 0; i < 5000; ++i) (void)set.add("stays" + std::to_string(i));
  std::set<std::string> seen;
  std::uint64_t cursor = 0;
  int extra = 0;
  do {
    cursor = set.scan(cursor, 10, [&](std::string_view member) { seen.emplace(member); });
    for (int k = 0; k < 40; ++k) (void)set.add("comes" + std::to_string(++extra));
    if (extra % 400 == 0) {
      for (int k = 0; k < extra; ++k) (void)set.remove("comes" + std::to_string(k));
    }
  } while (cursor != 0);
  for (int i = 0; i < 5000; ++i) EXPECT_TRUE(seen.contains("stays" + std::to_string(i))) << i;
}

TEST(values, come_back_from_their_bytes_and_nothing_comes_from_bytes_that_were_cut) {
  list_value list(usual);
  set_value set(usual, 1);
  hash_value hash(usual, 1);
  sorted_set_value zset(usual, 1);
  for (int i = 0; i < 3000; ++i) {
    const auto word = "word" + std::to_string(i);
    list.push_back(word);
    (void)set.add(word);
    (void)hash.put(word, std::to_string(i));
    (void)zset.put(word, i / 3.0);
  }
  for (const value_object* o : {static_cast<const value_object*>(&list), static_cast<const value_object*>(&set),
                                static_cast<const value_object*>(&hash), static_cast<const value_object*>(&zset)}) {
    std::string bytes;
    serialise(*o, bytes);
    const auto again = read_value(bytes, usual, 9);
    ASSERT_NE(again, nullptr);
    auto a = words_of(*o);
    auto b = words_of(*again);
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
    EXPECT_EQ(a, b);
    EXPECT_EQ(again->encoding(), o->encoding());
    for (std::size_t cut = 0; cut < 40; ++cut) {
      const auto part = read_value(std::string_view(bytes).substr(0, cut), usual, 9);
      if (part != nullptr) {
        EXPECT_LT(part->size(), o->size());
      }
    }
    bytes[1] = 2;
    EXPECT_EQ(read_value(bytes, usual, 9), nullptr) << "another layout";
  }
  EXPECT_EQ(read_value(std::string("\x07\x01\x01x", 4), usual, 9), nullptr) << "no such type";
  EXPECT_EQ(read_value(std::string("\x03\x01\x01x\x01y", 6), usual, 9), nullptr) << "a score of one byte";
}

TEST(values, edits_that_make_no_sense_are_refused) {
  list_value list(usual);
  list.push_back("a");
  std::string packed;
  pack_number(packed, 5);
  word_list words;
  ASSERT_TRUE(words.read(packed));
  EXPECT_FALSE(list.apply(value_edit::erase_at, words));
  EXPECT_FALSE(list.apply(value_edit::set_add, words));
  EXPECT_FALSE(list.apply(value_edit::keep_range, words));
  EXPECT_EQ(list.size(), 1U);
  hash_value hash(usual, 1);
  EXPECT_FALSE(hash.apply(value_edit::hash_put, words)) << "a field without a value";
}

}  // namespace
}  // namespace troupe
