// Fuzz entry: what a node reads from its own disk and from members that start: a record (put into a store, which stays
// sound), a segment, holdings, the holders' file. The first byte chooses.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/check.hpp"
#include "runtime/durability/holders_file.hpp"
#include "runtime/durability/log_reader.hpp"
#include "runtime/durability/log_replay.hpp"

namespace {

using namespace troupe;

void replay(std::string_view bytes) {
  const auto record = read_record(bytes);
  if (!record) return;
  std::string again;
  append_record(again, *record);
  TROUPE_CHECK(read_record(std::string_view(again).substr(frame_head_bytes)).has_value());
  memory_ledger ledger{1U << 20U};
  store_settings settings;
  settings.ledger = &ledger;
  shard_store store(settings);
  log_replay machine(
      16, [](std::string_view name) { return name == "default" ? cache_id{0} : cache_unknown; },
      time_point(std::chrono::hours(1000)), 2'000'000);
  TROUPE_CHECK(machine.apply(*record, store) == (record->shard < 16));
  TROUPE_CHECK(store.keys() <= record->entries.size());
  TROUPE_CHECK(machine.found().shards.size() <= 1);
}

void read_segment(std::string_view bytes) {
  for (const bool last : {true, false}) {
    log_reader reader(bytes, last);
    if (!reader.open()) continue;
    log_record record;
    while (reader.next(record)) {
    }
    TROUPE_CHECK(reader.offset() <= bytes.size());
    TROUPE_CHECK(reader.how() != log_reader::ending::none);
  }
}

void read_holdings(std::string_view bytes) {
  const auto h = decode_holdings(bytes);
  if (h) TROUPE_CHECK(decode_holdings(encode(*h)) == *h);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0: replay(bytes); break;
    case 1: read_segment(bytes); break;
    case 2: read_holdings(bytes); break;
    default: (void)decode_holders(bytes); break;
  }
  return 0;
}
