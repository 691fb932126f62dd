#include "runtime/durability/log_record.hpp"

#include <gtest/gtest.h>

#include "troupe/wire/durability.pb.h"

namespace troupe {
namespace {

log_record a_write() {
  log_record r;
  r.kind = record_kind::write;
  r.shard = 7;
  r.epoch = 3;
  r.sequence = 41;
  r.wall_ms = 1'700'000'000'123;
  stream_entry e;
  e.key = "key";
  e.value = "value";
  e.version = 99;
  e.ttl = std::chrono::seconds(5);
  e.more = true;
  r.entries.push_back({"default", e});
  e.more = false;
  e.erased = true;
  e.key = "gone";
  r.entries.push_back({"other", e});
  return r;
}

TEST(log_record, comes_back_as_it_was_written) {
  std::string bytes;
  append_record(bytes, a_write());
  const auto r = read_record(std::string_view(bytes).substr(frame_head_bytes));
  ASSERT_TRUE(r);
  EXPECT_EQ(r->kind, record_kind::write);
  EXPECT_EQ(r->shard, 7U);
  EXPECT_EQ(r->sequence, 41U);
  EXPECT_EQ(r->wall_ms, 1'700'000'000'123U);
  ASSERT_EQ(r->entries.size(), 2U);
  EXPECT_EQ(r->entries[0].cache, "default");
  EXPECT_EQ(r->entries[0].entry.ttl, std::chrono::seconds(5));
  EXPECT_TRUE(r->entries[0].entry.more);
  EXPECT_TRUE(r->entries[1].entry.erased);
}

TEST(log_record, is_what_its_proto_file_says) {
  std::string bytes;
  append_record(bytes, a_write());
  wire::LogRecord w;
  ASSERT_TRUE(w.ParseFromString(bytes.substr(frame_head_bytes)));
  EXPECT_EQ(w.kind(), 3U);
  EXPECT_EQ(w.shard(), 7U);
  EXPECT_EQ(w.sequence(), 41U);
  EXPECT_EQ(w.count(), 3U);
  ASSERT_EQ(w.entries_size(), 2);
  EXPECT_EQ(w.entries(1).key(), "gone");
}

TEST(log_record, cut_off_at_any_byte_is_refused) {
  std::string bytes;
  append_record(bytes, a_write());
  const auto payload = std::string_view(bytes).substr(frame_head_bytes);
  for (std::size_t n = 0; n < payload.size(); ++n) EXPECT_FALSE(read_record(payload.substr(0, n))) << n;
}

}  // namespace
}  // namespace troupe
