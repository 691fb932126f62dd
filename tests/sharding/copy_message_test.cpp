#include "runtime/sharding/copy_message.hpp"

#include <string>

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;

std::string sample_page() {
  copy_message head;
  head.shard = 7;
  head.epoch = 41;
  head.attempt = 3;
  head.sequence = 2;
  page_writer page(head);
  page.add({"default", "a", "1", 11, 5s, false});
  page.add({"sessions", std::string_view("\0k", 2), "", 12, {}, false});
  page.add({"default", "gone", {}, 13, {}, true});
  page.finish(99, 7);
  return page.bytes();
}

TEST(copy_message, a_page_is_read_as_it_was_written) {
  const auto read = read_copy::from(sample_page());
  ASSERT_TRUE(read) << read.error().context;
  EXPECT_EQ(read->head.kind, copy_kind::page);
  EXPECT_EQ(read->head.shard, 7U);
  EXPECT_EQ(read->head.epoch, 41U);
  EXPECT_EQ(read->head.attempt, 3U);
  EXPECT_EQ(read->head.sequence, 2U);
  EXPECT_TRUE(read->head.last);
  EXPECT_EQ(read->head.version, 99U);
  ASSERT_EQ(read->entries.size(), 3U);
  EXPECT_EQ(read->entries[0].cache, "default");
  EXPECT_EQ(read->entries[0].ttl, 5s);
  EXPECT_EQ(read->entries[1].cache, "sessions");
  EXPECT_EQ(read->entries[1].key, std::string_view("\0k", 2));
  EXPECT_TRUE(read->entries[2].erased);
  EXPECT_EQ(read->entries[2].version, 13U);
}

TEST(copy_message, answers_and_releases_are_read_as_they_were_written) {
  copy_message m;
  m.kind = copy_kind::answer;
  m.shard = 1;
  m.outcome = page_outcome::no_room;
  const auto answer = read_copy::from(encode(m));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->head.outcome, page_outcome::no_room);
  m.kind = copy_kind::released;
  m.to = 12;
  const auto released = read_copy::from(encode(m));
  ASSERT_TRUE(released);
  EXPECT_EQ(released->head.kind, copy_kind::released);
  EXPECT_EQ(released->head.to, 12U);
}

TEST(copy_message, refuses_a_page_that_is_cut_off_at_any_byte) {
  const auto whole = sample_page();
  for (std::size_t n = 0; n < whole.size(); ++n) {
    const auto read = read_copy::from(whole.substr(0, n));
    ASSERT_FALSE(read) << "cut to " << n << " bytes";
    EXPECT_EQ(read.error().code, errc::corrupt);
  }
}

TEST(copy_message, survives_any_flipped_bit) {
  const auto whole = sample_page();
  for (std::size_t i = 0; i < whole.size() * 8; ++i) {
    auto bad = whole;
    bad[i / 8] = static_cast<char>(bad[i / 8] ^ (1 << (i % 8)));
    if (const auto read = read_copy::from(bad)) {
      for (const auto& e : read->entries) EXPECT_LE(e.key.size(), whole.size());
    }
  }
}

TEST(copy_message, refuses_more_fields_than_a_page_may_have_before_it_makes_them) {
  std::string bytes;
  for (std::size_t i = 0; i < copy_entries_max + copy_caches_max + 100; ++i) bytes += std::string("\x5a\x00", 2);
  EXPECT_FALSE(read_copy::from(bytes));
}

TEST(copy_message, refuses_an_entry_of_a_cache_that_is_not_named) {
  // kind 0, entry{cache: 5}, count 2
  const std::string bytes("\x5a\x02\x08\x05\x78\x02", 6);
  const auto read = read_copy::from(bytes);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().context.find("no cache"), std::string::npos) << read.error().context;
}

}  // namespace
}  // namespace troupe
