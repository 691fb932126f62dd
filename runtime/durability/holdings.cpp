#include "runtime/durability/holdings.hpp"

#include <algorithm>

#include "runtime/base/wire_view.hpp"
#include "runtime/sharding/slot.hpp"

namespace troupe {

namespace {

bool take_shard(std::string_view bytes, shard_holding& into) {
  std::uint64_t shard = 0;
  field_reader r(bytes);
  while (r.next()) {
    switch (r.tag()) {
      case varint_tag(1): shard = r.number(); break;
      case varint_tag(2): into.created = r.number(); break;
      case varint_tag(3): into.pid = r.number(); break;
      case varint_tag(4): into.epoch = r.number(); break;
      case varint_tag(5): into.sequence = r.number(); break;
      case varint_tag(6): into.whole = r.number() != 0; break;
      default: break;
    }
  }
  into.shard = static_cast<std::uint32_t>(shard);
  return !r.failed() && shard < shards_max;
}

}  // namespace

bool holdings::counts_in(const shard_row& row, const shard_holding& h) const noexcept {
  if (row.created != h.created) return false;
  const auto counts = [&row](std::uint64_t pid) { return pid != 0 && (row.primary == pid || row.has_in_sync(pid)); };
  return counts(h.pid) || std::any_of(pids.begin(), pids.end(), counts);
}

std::string encode(const holdings& h) {
  std::string to;
  std::string part;
  for (const auto pid : h.pids) {
    part.clear();
    put_varint(part, 1, pid);
    put_message(to, 1, part);
  }
  for (const auto& s : h.shards) {
    part.clear();
    put_varint(part, 1, std::uint64_t{s.shard});
    put_varint(part, 2, s.created);
    put_varint(part, 3, s.pid);
    put_varint(part, 4, s.epoch);
    put_varint(part, 5, s.sequence);
    put_varint(part, 6, std::uint64_t{s.whole});
    put_message(to, 2, part);
  }
  put_varint(to, 15, std::uint64_t{h.pids.size() + h.shards.size()} + 1);
  return to;
}

expected<holdings> decode_holdings(std::string_view bytes) {
  const auto corrupt = [](const char* why) { return fail(errc::corrupt, std::string("holdings: ") + why); };
  holdings h;
  std::uint64_t count = 0;
  field_reader r(bytes);
  while (r.next()) {
    switch (r.tag()) {
      case bytes_tag(1): {
        if (h.pids.size() == holder_pids_max) return corrupt("too many PIDs");
        field_reader one(r.bytes());
        std::uint64_t pid = 0;
        while (one.next()) {
          if (one.tag() == varint_tag(1)) pid = one.number();
        }
        if (one.failed()) return corrupt("a PID that was cut off");
        h.pids.push_back(pid);
        break;
      }
      case bytes_tag(2):
        if (h.shards.size() == shards_max) return corrupt("too many shards");
        if (!take_shard(r.bytes(), h.shards.emplace_back())) return corrupt("a shard out of bounds");
        break;
      case varint_tag(15): count = r.number(); break;
      default: break;
    }
  }
  if (r.failed() || count != h.pids.size() + h.shards.size() + 1) return corrupt("cut off");
  return h;
}

}  // namespace troupe
