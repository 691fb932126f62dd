// Fuzz entry: what nodes that share shards send each other: commands and their replies, writes for copies and their
// answers, pages of a shard that moves, near caches, changes, local copies. The first byte chooses. What passes keeps
// the limits; a batch of writes is taken by a copy, whose store stays sound.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/check.hpp"
#include "runtime/cache/change_message.hpp"
#include "runtime/cache/command_batch.hpp"
#include "runtime/cache/held_shard.hpp"
#include "runtime/cache/local_copy_message.hpp"
#include "runtime/cache/near_message.hpp"
#include "runtime/replication/stream_message.hpp"
#include "runtime/sharding/copy_message.hpp"

namespace {

using namespace troupe;

void read_commands(std::string_view bytes) {
  const auto batch = decode_commands(bytes);
  if (!batch) return;
  TROUPE_CHECK(!batch->commands.empty() && batch->commands.size() <= batch_commands_max);
  const auto again = encode_commands(batch->stamp, batch->commands);
  TROUPE_CHECK(decode_commands(again).has_value());
}

void read_replies(std::string_view bytes) {
  const auto batch = decode_replies(bytes);
  if (!batch) return;
  TROUPE_CHECK(batch->replies.size() <= batch_commands_max);
  TROUPE_CHECK(decode_replies(encode_replies(batch->stamp, batch->replies)).has_value());
}

/// A copy of shard 0 under epoch 5, whose primary is 1.
void take_writes(std::string_view bytes) {
  const auto batch = read_batch::from(bytes);
  if (!batch) return;
  memory_ledger ledger{1U << 20U};
  store_settings settings;
  settings.ledger = &ledger;
  held_shard shard(settings);
  shard_row row;
  row.primary = 1;
  row.replicas = {2};
  row.in_sync = {2};
  row.epoch = row.created = 5;
  (void)shard.take_role(row, 2);
  std::size_t entries = 0;
  for (const auto& item : batch->items) {
    std::vector<stream_entry> plain;
    for (const auto& e : item.entries) plain.push_back(e.entry);
    entries += plain.size();
    (void)shard.stream().on_append(batch->sender, item.at, plain, shard.store(), time_point{});
  }
  TROUPE_CHECK(entries <= stream_entries_max);
  TROUPE_CHECK(shard.store().keys() <= entries);
  TROUPE_CHECK(shard.stream().committed() <= shard.stream().sequence());
}

void read_answer(std::string_view bytes) {
  const auto read = read_answers::from(bytes);
  if (!read) return;
  answers_writer again;
  for (const auto& a : read->answers) again.add(a);
  const auto written = std::move(again).finish();
  TROUPE_CHECK(read_answers::from(written).has_value());
}

void read_page(std::string_view bytes) {
  const auto page = read_copy::from(bytes);
  if (!page) return;
  page_writer again(page->head);
  for (const auto& e : page->entries) again.add(e);
  TROUPE_CHECK(read_copy::from(again.bytes()).has_value());
}

void read_near(std::string_view bytes) {
  (void)decode_near_poll(bytes);
  const auto find = [](std::string_view name) { return name == "default" ? std::optional<cache_id>(0) : std::nullopt; };
  const auto answer = decode_near_answer(bytes, find);
  if (!answer) return;
  TROUPE_CHECK(answer->changes.size() <= near_changes_max);
  const auto again = encode_near_answer(*answer, [](cache_id) { return std::string_view("default"); });
  TROUPE_CHECK(decode_near_answer(again, find)->changes.size() == answer->changes.size());
}

void read_changes(std::string_view bytes) {
  const auto find = [](std::string_view name) { return name == "default" ? std::optional<cache_id>(0) : std::nullopt; };
  const auto name_of = [](cache_id) { return std::string_view("default"); };
  if (const auto poll = decode_change_poll(bytes, find)) {
    TROUPE_CHECK(poll->interests.size() <= change_poll::interests_max);
    TROUPE_CHECK(decode_change_poll(encode_change_poll(*poll, name_of), find)->interests == poll->interests);
  }
  const auto answer = decode_change_answer(bytes, find);
  if (!answer) return;
  TROUPE_CHECK(answer->items.size() <= change_answer::items_max);
  const auto again = decode_change_answer(encode_change_answer(*answer, name_of), find);
  TROUPE_CHECK(again->items.size() == answer->items.size());
}

void read_copies(std::string_view bytes) {
  const auto find = [](std::string_view name) { return name == "default" ? std::optional<cache_id>(0) : std::nullopt; };
  const auto name_of = [](cache_id) { return std::string_view("default"); };
  if (const auto request = decode_copy_request(bytes, find))
    TROUPE_CHECK(decode_copy_request(encode_copy_request(*request, name_of), find)->digests == request->digests);
  const auto page = decode_copy_page(bytes);
  if (!page) return;
  TROUPE_CHECK(page->rows.size() <= copy_rows_max);
  const auto again = encode_copy_page(*page);
  TROUPE_CHECK(decode_copy_page(again)->rows.size() == page->rows.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 8) {
    case 0: read_commands(bytes); break;
    case 1: read_replies(bytes); break;
    case 2: take_writes(bytes); break;
    case 3: read_answer(bytes); break;
    case 5: read_near(bytes); break;
    case 6: read_changes(bytes); break;
    case 7: read_copies(bytes); break;
    default: read_page(bytes); break;
  }
  return 0;
}
