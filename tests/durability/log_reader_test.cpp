#include "runtime/durability/log_reader.hpp"

#include <gtest/gtest.h>

#include "runtime/base/random.hpp"

namespace troupe {
namespace {

using ending = log_reader::ending;

std::string header(std::uint64_t version = log_version) {
  log_record h;
  h.kind = record_kind::header;
  h.version = version;
  h.number = 1;
  h.shards = 16;
  std::string bytes(log_magic);
  append_record(bytes, h);
  return bytes;
}

void add(std::string& to, std::uint64_t sequence) {
  log_record r;
  r.sequence = sequence;
  stream_entry e;
  const auto value = "value" + std::to_string(sequence);
  e.key = "key";
  e.value = value;
  r.entries.push_back({"default", e});
  append_record(to, r);
}

void mark(std::string& to, std::uint64_t synced) {
  log_record r;
  r.kind = record_kind::mark;
  r.synced = synced;
  append_record(to, r);
}

struct reading {
  std::vector<std::uint64_t> sequences;
  ending how = ending::none;
  std::size_t offset = 0, behind = 0;
};

reading read(const std::string& bytes, bool last = true) {
  log_reader reader(bytes, last);
  reading r;
  if (!reader.open()) return r;
  log_record record;
  while (reader.next(record)) {
    if (record.kind == record_kind::write) r.sequences.push_back(record.sequence);
  }
  r.how = reader.how();
  r.offset = reader.offset();
  r.behind = reader.records_behind();
  return r;
}

TEST(log_reader, reads_a_whole_segment_to_its_end) {
  auto bytes = header();
  for (std::uint64_t i = 1; i <= 3; ++i) add(bytes, i);
  const auto r = read(bytes);
  EXPECT_EQ(r.sequences, (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(r.how, ending::clean);
  EXPECT_EQ(read(bytes, false).how, ending::clean);
}

TEST(log_reader, a_tail_cut_at_any_byte_is_torn_and_everything_before_it_is_there) {
  auto bytes = header();
  add(bytes, 1);
  const auto first = bytes.size();
  add(bytes, 2);
  for (auto n = first + 1; n < bytes.size(); ++n) {
    const auto r = read(bytes.substr(0, n));
    EXPECT_EQ(r.how, ending::torn) << n;
    EXPECT_EQ(r.offset, first);
    EXPECT_EQ(r.sequences, std::vector<std::uint64_t>{1});
    EXPECT_EQ(read(bytes.substr(0, n), false).how, ending::damaged) << "an earlier segment was on the disk";
  }
}

TEST(log_reader, garbage_and_zeros_behind_the_last_record_are_torn) {
  random rng(3);
  for (int round = 0; round < 200; ++round) {
    auto bytes = header();
    add(bytes, 1);
    const auto whole = bytes.size();
    for (auto n = rng.between(std::chrono::nanoseconds(1), std::chrono::nanoseconds(300)).count(); n > 0; --n)
      bytes.push_back(round % 2 == 0 ? '\0' : static_cast<char>(rng.below(256)));
    const auto r = read(bytes);
    EXPECT_EQ(r.how, ending::torn);
    EXPECT_EQ(r.offset, whole);
  }
}

TEST(log_reader, a_flipped_bit_before_a_mark_that_covers_it_is_damage) {
  auto bytes = header();
  add(bytes, 1);
  const auto second = bytes.size();
  add(bytes, 2);
  const auto synced = bytes.size();
  mark(bytes, synced);
  add(bytes, 3);
  auto damaged = bytes;
  damaged[second + frame_head_bytes + 4] ^= 1;
  EXPECT_EQ(read(damaged).how, ending::damaged);
  EXPECT_EQ(read(damaged).offset, second);
}

TEST(log_reader, a_hole_that_no_mark_covers_is_torn_and_says_what_is_given_up) {
  auto bytes = header();
  add(bytes, 1);
  mark(bytes, bytes.size());
  const auto hole = bytes.size();
  add(bytes, 2);
  add(bytes, 3);
  add(bytes, 4);
  for (std::size_t i = hole; i < hole + 8; ++i) bytes[i] = '\0';
  const auto r = read(bytes);
  EXPECT_EQ(r.how, ending::torn);
  EXPECT_EQ(r.offset, hole);
  EXPECT_EQ(r.behind, 2U);
}

TEST(log_reader, refuses_what_is_foreign_or_newer_and_says_so) {
  const std::string foreign = "SQLite format 3 and more";
  const auto a = log_reader(foreign, true).open();
  ASSERT_FALSE(a);
  EXPECT_EQ(a.error().code, errc::corrupt);
  const auto newer = header(log_version + 1);
  const auto b = log_reader(newer, true).open();
  ASSERT_FALSE(b);
  EXPECT_NE(b.error().context.find("version 2"), std::string::npos) << b.error().context;
}

TEST(log_reader, a_last_segment_that_ends_in_its_header_holds_nothing) {
  const auto whole = header();
  for (std::size_t n = 0; n < whole.size(); ++n) {
    const auto cut = whole.substr(0, n);
    const auto last = log_reader(cut, true).open();
    ASSERT_FALSE(last);
    EXPECT_EQ(last.error().code, errc::not_found) << n;
    const auto earlier = log_reader(cut, false).open();
    ASSERT_FALSE(earlier);
    EXPECT_EQ(earlier.error().code, errc::corrupt) << n;
  }
}

TEST(log_reader, random_bytes_do_no_harm) {
  random rng(11);
  for (int round = 0; round < 2000; ++round) {
    auto bytes = header();
    for (auto n = rng.below(200); n > 0; --n) bytes.push_back(static_cast<char>(rng.below(256)));
    for (auto n = rng.below(4); n > 0; --n) bytes[rng.below(bytes.size())] ^= static_cast<char>(1 + rng.below(255));
    (void)read(bytes, rng.chance(0.5));
  }
}

}  // namespace
}  // namespace troupe
