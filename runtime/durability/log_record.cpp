#include "runtime/durability/log_record.hpp"

#include "runtime/base/crc32c.hpp"
#include "runtime/base/wire_view.hpp"
#include "runtime/durability/log_reader.hpp"
#include "runtime/sharding/slot.hpp"

namespace troupe {

namespace {

void put_word(char* to, std::uint32_t value) noexcept {
  for (int i = 0; i < 4; ++i) to[i] = static_cast<char>(value >> (8U * static_cast<unsigned>(i)) & 0xffU);
}

}  // namespace

void append_record(std::string& to, const log_record& r) {
  const auto start = to.size();
  to.append(frame_head_bytes, '\0');
  put_varint(to, 1, std::uint64_t{static_cast<std::uint8_t>(r.kind)});
  put_varint(to, 2, std::uint64_t{r.shard});
  put_varint(to, 3, r.created);
  put_varint(to, 4, r.pid);
  put_varint(to, 5, r.epoch);
  put_varint(to, 6, r.sequence);
  put_varint(to, 7, r.version);
  put_varint(to, 8, std::uint64_t{r.whole});
  put_varint(to, 9, r.wall_ms);
  put_varint(to, 10, r.number);
  put_varint(to, 11, r.shards);
  put_varint(to, 12, r.synced);
  std::string entry;
  for (const auto& e : r.entries) {
    entry.clear();
    put_entry(entry, e);
    put_message(to, 13, entry);
  }
  put_varint(to, 15, std::uint64_t{r.entries.size()} + 1);
  const auto payload = std::string_view(to).substr(start + frame_head_bytes);
  char* head = to.data() + start;
  put_word(head, frame_word);
  put_word(head + 4, static_cast<std::uint32_t>(payload.size()));
  put_word(head + 8, frame_sum(payload));
}

expected<log_record> read_record(std::string_view payload) {
  const auto corrupt = [](const char* why) { return fail(errc::corrupt, std::string("a record ") + why); };
  log_record read;
  std::uint64_t kind = 0, shard = 0, count = 0;
  field_reader r(payload);
  while (r.next()) {
    switch (r.tag()) {
      case varint_tag(1): kind = r.number(); break;
      case varint_tag(2): shard = r.number(); break;
      case varint_tag(3): read.created = r.number(); break;
      case varint_tag(4): read.pid = r.number(); break;
      case varint_tag(5): read.epoch = r.number(); break;
      case varint_tag(6): read.sequence = r.number(); break;
      case varint_tag(7): read.version = r.number(); break;
      case varint_tag(8): read.whole = r.number() != 0; break;
      case varint_tag(9): read.wall_ms = r.number(); break;
      case varint_tag(10): read.number = r.number(); break;
      case varint_tag(11): read.shards = r.number(); break;
      case varint_tag(12): read.synced = r.number(); break;
      case bytes_tag(13):
        if (!read_entry(r.bytes(), read.entries.emplace_back())) return corrupt("with an entry out of bounds");
        break;
      case varint_tag(15): count = r.number(); break;
      default: break;
    }
  }
  if (r.failed() || count != read.entries.size() + 1) return corrupt("that was cut off");
  if (kind < static_cast<std::uint64_t>(record_kind::header) || kind > static_cast<std::uint64_t>(record_kind::mark))
    return corrupt("of an unknown kind");
  if (shard >= shards_max) return corrupt("of a shard beyond the limit");
  read.kind = static_cast<record_kind>(kind);
  read.shard = static_cast<std::uint32_t>(shard);
  return read;
}

}  // namespace troupe
