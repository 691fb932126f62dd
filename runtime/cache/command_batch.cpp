#include "runtime/cache/command_batch.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "runtime/base/wire_view.hpp"
#include "runtime/cache/shard_store.hpp"

namespace troupe {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t message_bytes_max = std::numeric_limits<std::int32_t>::max();  // protobuf's

// Fields of CacheBatch and CacheBatchReply (runtime/proto/troupe/wire/cache.proto).
constexpr std::uint32_t stamp_field = 1;
constexpr std::uint32_t entries_field = 2;
constexpr std::uint32_t count_field = 15;

tl::unexpected<error> corrupt(const char* why) { return fail(errc::corrupt, std::string("cache batch: ") + why); }

void put_stamp(std::string& to, const stamp& s) {
  std::string message;
  put_varint(message, 1, s.term);
  put_varint(message, 2, s.epoch);
  put_message(to, stamp_field, message);
}

bool read_stamp(std::string_view bytes, stamp& into) {
  field_reader r(bytes);
  while (r.next()) {
    if (r.tag() == varint_tag(1)) into.term = r.number();
    if (r.tag() == varint_tag(2)) into.epoch = r.number();
  }
  return !r.failed();
}

/// Shows each entry of a batch in order; false for one that is cut off, malformed, or does not hold as many entries as
/// it says, 1 to batch_commands_max. `read` says whether it took the entry.
template <class Read>
bool read_entries(std::string_view bytes, stamp& at, Read read) {
  if (bytes.size() > message_bytes_max) return false;
  std::size_t entries = 0;
  std::uint64_t count = 0;
  field_reader r(bytes);
  while (r.next()) {
    switch (r.tag()) {
      case bytes_tag(stamp_field):
        if (!read_stamp(r.bytes(), at)) return false;
        break;
      case bytes_tag(entries_field):
        if (++entries > batch_commands_max || !read(r.bytes())) return false;
        break;
      case varint_tag(count_field): count = r.number(); break;
      default: break;
    }
  }
  return !r.failed() && entries != 0 && entries == count;
}

void put_command(std::string& to, const batched_command& b) {
  const auto& c = b.command;
  put_varint(to, 1, static_cast<std::uint64_t>(c.op));
  put_bytes(to, 2, b.cache);
  put_varint(to, 3, static_cast<std::uint64_t>(c.condition));
  put_varint(to, 4, static_cast<std::uint64_t>(c.keep_ttl));
  put_varint(to, 5, c.version);
  put_varint(to, 6, c.ttl.count());
  put_bytes(to, 7, c.key);
  put_bytes(to, 8, c.value);
  const auto left = std::clamp(b.left, duration::zero(), forward_deadline_max);
  put_varint(to, 9, std::chrono::ceil<milliseconds>(left).count());
  put_varint(to, 12, std::uint64_t{c.awaits});
  if (c.op != cache_op::run) return;
  put_varint(to, 10, static_cast<std::uint64_t>(c.procedure));
  put_varint(to, 11, std::uint64_t{c.protocol});
}

bool sound(std::uint64_t op, std::uint64_t condition, std::uint64_t run, std::uint64_t protocol) {
  if (op == static_cast<std::uint64_t>(cache_op::run)) {
    if (run == 0 || run >= procedures_end || protocol < 2 || protocol > 3) return false;
  }
  return op <= static_cast<std::uint64_t>(cache_op::run) &&
         condition <= static_cast<std::uint64_t>(write_condition::if_version);
}

/// False for a command that makes no sense.
bool read_command(std::string_view bytes, batched_command& into) {
  auto& c = into.command;
  std::uint64_t op = 0, condition = 0, run = 0, protocol = 0, left_ms = 0;
  field_reader r(bytes);
  while (r.next()) {
    switch (r.tag()) {
      case varint_tag(1): op = r.number(); break;
      case bytes_tag(2): into.cache = r.bytes(); break;
      case varint_tag(3): condition = r.number(); break;
      case varint_tag(4): c.keep_ttl = r.number() != 0; break;
      case varint_tag(5): c.version = r.number(); break;
      case varint_tag(6): c.ttl = duration(r.signed_number()); break;
      case bytes_tag(7): c.key = r.bytes(); break;
      case bytes_tag(8): c.value = r.bytes(); break;
      case varint_tag(9): left_ms = r.number(); break;
      case varint_tag(10): run = r.number(); break;
      case varint_tag(11): protocol = r.number(); break;
      case varint_tag(12): c.awaits = r.number() != 0; break;
      default: break;
    }
  }
  if (r.failed() || !sound(op, condition, run, protocol)) return false;
  if (into.cache.size() > cache_name_bytes_max || c.key.size() > key_bytes_max) return false;
  c.op = static_cast<cache_op>(op);
  c.condition = static_cast<write_condition>(condition);
  if (c.op == cache_op::run) {
    c.procedure = static_cast<procedure>(run);
    c.protocol = static_cast<std::uint8_t>(protocol);
  }
  constexpr std::uint64_t left_max = std::chrono::duration_cast<milliseconds>(forward_deadline_max).count();
  into.left = milliseconds(std::min(left_ms, left_max));
  return true;
}

bool read_reply(std::string_view bytes, owned_reply& into, std::vector<bool>& all_told) {
  std::uint64_t code = 0;
  bool told = false;
  field_reader r(bytes);
  while (r.next()) {
    switch (r.tag()) {
      case varint_tag(1): code = r.number(); break;
      case varint_tag(2): into.version = r.number(); break;
      case varint_tag(3): into.ttl = duration(r.signed_number()); break;
      case bytes_tag(4): into.value = r.bytes(); break;
      case bytes_tag(5): into.context = r.bytes(); break;
      case varint_tag(6): into.stale = r.number() != 0; break;
      case varint_tag(7): told = r.number() != 0; break;
      default: break;
    }
  }
  all_told.push_back(told);
  into.code = static_cast<errc>(code);
  return !r.failed() && code <= static_cast<std::uint64_t>(errc_last);
}

}  // namespace

std::string encode_commands(const stamp& s, const std::vector<batched_command>& commands) {
  std::string bytes, entry;
  put_stamp(bytes, s);
  for (const auto& c : commands) {
    entry.clear();
    put_command(entry, c);
    put_message(bytes, entries_field, entry);
  }
  put_varint(bytes, count_field, std::uint64_t{commands.size()});
  return bytes;
}

expected<command_batch> decode_commands(std::string_view bytes) {
  command_batch b;
  const bool whole = read_entries(
      bytes, b.stamp, [&](std::string_view entry) { return read_command(entry, b.commands.emplace_back()); });
  if (!whole) return corrupt("cut off, or a command that makes no sense");
  return b;
}

std::string encode_replies(const stamp& s, const std::vector<owned_reply>& replies, const std::vector<bool>& told) {
  std::string bytes, entry;
  put_stamp(bytes, s);
  for (std::size_t i = 0; i < replies.size(); ++i) {
    const auto& r = replies[i];
    entry.clear();
    put_varint(entry, 1, static_cast<std::uint64_t>(r.code));
    put_varint(entry, 2, r.version);
    put_varint(entry, 3, r.ttl.count());
    put_bytes(entry, 4, r.value);
    put_bytes(entry, 5, std::string_view(r.context).substr(0, reply_context_bytes_max));
    put_varint(entry, 6, std::uint64_t{r.stale});
    put_varint(entry, 7, std::uint64_t{i < told.size() && told[i]});
    put_message(bytes, entries_field, entry);
  }
  put_varint(bytes, count_field, std::uint64_t{replies.size()});
  return bytes;
}

expected<reply_batch> decode_replies(std::string_view bytes) {
  reply_batch b;
  const bool whole = read_entries(
      bytes, b.stamp, [&](std::string_view entry) { return read_reply(entry, b.replies.emplace_back(), b.told); });
  if (!whole) return corrupt("replies cut off, or an unknown code");
  return b;
}

}  // namespace troupe
