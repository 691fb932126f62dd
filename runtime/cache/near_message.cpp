#include "runtime/cache/near_message.hpp"

#include "runtime/base/wire_view.hpp"
#include "runtime/cache/shard_store.hpp"

namespace troupe {

namespace {

// Fields of NearPoll, NearAnswer and NearChange (runtime/proto/troupe/wire/cache.proto).
constexpr std::uint32_t changes_field = 3;
constexpr std::uint32_t count_field = 15;
constexpr std::size_t cache_name_max = 256;

tl::unexpected<error> corrupt(const char* why) { return fail(errc::corrupt, std::string("near cache: ") + why); }

bool read_change(std::string_view bytes, const cache_finder& find, near_answer& into) {
  std::string_view cache;
  near_answer::change c;
  field_reader r(bytes);
  while (r.next()) {
    switch (r.tag()) {
      case bytes_tag(1): cache = r.bytes(); break;
      case bytes_tag(2): c.key = r.bytes(); break;
      case varint_tag(3): c.all = r.number() != 0; break;
      default: break;
    }
  }
  if (r.failed() || cache.size() > cache_name_max || c.key.size() > key_bytes_max) return false;
  if (const auto id = find(cache)) {
    c.cache = *id;
    into.changes.push_back(std::move(c));
  }
  return true;
}

}  // namespace

std::string encode_near_poll(std::uint64_t session) {
  std::string bytes;
  put_varint(bytes, 1, session);
  put_varint(bytes, count_field, std::uint64_t{1});
  return bytes;
}

expected<std::uint64_t> decode_near_poll(std::string_view bytes) {
  std::uint64_t session = 0, count = 0;
  field_reader r(bytes);
  while (r.next()) {
    if (r.tag() == varint_tag(1)) session = r.number();
    if (r.tag() == varint_tag(count_field)) count = r.number();
  }
  if (r.failed() || session == 0 || count != 1) return corrupt("a poll that cannot be read");
  return session;
}

std::string encode_near_answer(const near_answer& a, const cache_namer& name_of) {
  std::string bytes, entry;
  put_varint(bytes, 1, a.number);
  put_varint(bytes, 2, std::uint64_t{a.reset});
  for (const auto& c : a.changes) {
    entry.clear();
    put_bytes(entry, 1, name_of(c.cache));
    put_bytes(entry, 2, c.key);
    put_varint(entry, 3, std::uint64_t{c.all});
    put_message(bytes, changes_field, entry);
  }
  put_varint(bytes, count_field, std::uint64_t{a.changes.size()} + 1);
  return bytes;
}

expected<near_answer> decode_near_answer(std::string_view bytes, const cache_finder& find) {
  near_answer a;
  std::uint64_t count = 0, changes = 0;
  field_reader r(bytes);
  while (r.next()) {
    switch (r.tag()) {
      case varint_tag(1): a.number = r.number(); break;
      case varint_tag(2): a.reset = r.number() != 0; break;
      case bytes_tag(changes_field):
        if (++changes > near_changes_max || !read_change(r.bytes(), find, a)) return corrupt("a change out of bounds");
        break;
      case varint_tag(count_field): count = r.number(); break;
      default: break;
    }
  }
  if (r.failed() || count != changes + 1) return corrupt("an answer that was cut off");
  return a;
}

}  // namespace troupe
