#include "runtime/cache/change_message.hpp"

#include <algorithm>

#include "runtime/base/wire_view.hpp"
#include "runtime/cache/shard_store.hpp"
#include "runtime/sharding/slot.hpp"

namespace troupe {

namespace {

// Fields of ChangePoll, ChangeInterest, ChangeAnswer and ChangeItem (runtime/proto/troupe/wire/cache.proto).
constexpr std::uint32_t interests_field = 4;
constexpr std::uint32_t items_field = 2;
constexpr std::uint32_t count_field = 15;
constexpr std::size_t cache_name_max = 256;

tl::unexpected<error> corrupt(const char* why) { return fail(errc::corrupt, std::string("changes: ") + why); }

bool read_interest(std::string_view bytes, const cache_finder& find, change_poll& into) {
  std::string_view cache;
  change_interest i;
  field_reader r(bytes);
  while (r.next()) {
    switch (r.tag()) {
      case bytes_tag(1): cache = r.bytes(); break;
      case bytes_tag(2):
        if (i.prefixes.size() == change_interest::prefixes_max) return false;
        if (r.bytes().size() > change_options::prefix_bytes_most) return false;
        i.prefixes.emplace_back(r.bytes());
        break;
      case varint_tag(3): i.value_bytes_max = r.number(); break;
      default: break;
    }
  }
  if (r.failed() || cache.size() > cache_name_max) return false;
  if (i.value_bytes_max > change_options::value_bytes_most) return false;
  if (const auto id = find(cache)) {
    i.cache = *id;
    into.interests.push_back(std::move(i));
  }
  return true;
}

bool is_sound(const change_item& i, std::uint64_t what, std::uint64_t kind, std::uint64_t shard) {
  if (i.ttl < duration::zero()) return false;
  const bool bounded =
      i.key.size() <= key_bytes_max && (!i.value || i.value->size() <= change_options::value_bytes_most);
  const bool known = what <= static_cast<std::uint64_t>(change_item::form::marked) && shard < shards_max;
  const bool told =
      kind >= static_cast<std::uint64_t>(change_kind::put) && kind <= static_cast<std::uint64_t>(change_kind::dropped);
  return bounded && known && (what != 0 || told);
}

bool read_item(std::string_view bytes, const cache_finder& find, change_answer& into) {
  std::string_view cache;
  std::uint64_t what = 0, kind = 0, shard = 0;
  bool has_value = false;
  std::string_view value;
  change_item i;
  field_reader r(bytes);
  while (r.next()) {
    switch (r.tag()) {
      case varint_tag(1): what = r.number(); break;
      case varint_tag(2): kind = r.number(); break;
      case bytes_tag(3): cache = r.bytes(); break;
      case varint_tag(4): shard = r.number(); break;
      case varint_tag(5): i.version = r.number(); break;
      case bytes_tag(6): i.key = r.bytes(); break;
      case bytes_tag(7): value = r.bytes(); break;
      case varint_tag(8): has_value = r.number() != 0; break;
      case varint_tag(9): i.epoch = r.number(); break;
      case varint_tag(10): i.ttl = duration(r.signed_number()); break;
      default: break;
    }
  }
  if (has_value) i.value = value;
  if (r.failed() || cache.size() > cache_name_max || !is_sound(i, what, kind, shard)) return false;
  i.what = static_cast<change_item::form>(what);
  i.kind = static_cast<change_kind>(kind);
  i.shard = static_cast<std::uint32_t>(shard);
  if (i.what == change_item::form::change || i.what == change_item::form::marked) {
    const auto id = find(cache);
    if (!id) return true;  // nobody here can have asked for it
    i.cache = *id;
  }
  into.items.push_back(std::move(i));
  return true;
}

}  // namespace

bool change_interest::covers(std::string_view key) const noexcept {
  return prefixes.empty() ||
         std::any_of(prefixes.begin(), prefixes.end(), [key](const auto& p) { return key.starts_with(p); });
}

std::string encode_change_poll(const change_poll& p, const cache_namer& name_of) {
  std::string bytes, entry;
  put_varint(bytes, 1, p.session);
  put_varint(bytes, 2, p.number);
  put_varint(bytes, 3, p.revision);
  for (const auto& i : p.interests) {
    entry.clear();
    put_bytes(entry, 1, name_of(i.cache));
    for (const auto& prefix : i.prefixes) put_bytes(entry, 2, prefix);
    put_varint(entry, 3, i.value_bytes_max);
    put_message(bytes, interests_field, entry);
  }
  put_varint(bytes, count_field, std::uint64_t{p.interests.size()} + 1);
  return bytes;
}

expected<change_poll> decode_change_poll(std::string_view bytes, const cache_finder& find) {
  change_poll p;
  p.number = 0;
  std::uint64_t count = 0, interests = 0;
  field_reader r(bytes);
  while (r.next()) {
    switch (r.tag()) {
      case varint_tag(1): p.session = r.number(); break;
      case varint_tag(2): p.number = r.number(); break;
      case varint_tag(3): p.revision = r.number(); break;
      case bytes_tag(interests_field):
        if (++interests > change_poll::interests_max || !read_interest(r.bytes(), find, p))
          return corrupt("an interest out of bounds");
        break;
      case varint_tag(count_field): count = r.number(); break;
      default: break;
    }
  }
  if (r.failed() || p.session == 0 || count != interests + 1) return corrupt("a poll that cannot be read");
  return p;
}

std::string encode_change_answer(const change_answer& a, const cache_namer& name_of) {
  std::string bytes, entry;
  put_varint(bytes, 1, a.number);
  for (const auto& i : a.items) {
    entry.clear();
    put_varint(entry, 1, static_cast<std::uint64_t>(i.what));
    put_varint(entry, 2, static_cast<std::uint64_t>(i.kind));
    if (i.what == change_item::form::change || i.what == change_item::form::marked)
      put_bytes(entry, 3, name_of(i.cache));
    put_varint(entry, 4, std::uint64_t{i.shard});
    put_varint(entry, 5, i.version);
    put_bytes(entry, 6, i.key);
    if (i.value) put_bytes(entry, 7, *i.value);
    put_varint(entry, 8, std::uint64_t{i.value.has_value()});
    put_varint(entry, 9, i.epoch);
    put_varint(entry, 10, i.ttl.count());
    put_message(bytes, items_field, entry);
  }
  put_varint(bytes, 3, std::uint64_t{a.more});
  put_varint(bytes, count_field, std::uint64_t{a.items.size()} + 1);
  return bytes;
}

expected<change_answer> decode_change_answer(std::string_view bytes, const cache_finder& find) {
  change_answer a;
  std::uint64_t count = 0, items = 0;
  field_reader r(bytes);
  while (r.next()) {
    switch (r.tag()) {
      case varint_tag(1): a.number = r.number(); break;
      case varint_tag(3): a.more = r.number() != 0; break;
      case bytes_tag(items_field):
        if (++items > change_answer::items_max || !read_item(r.bytes(), find, a))
          return corrupt("an item out of bounds");
        break;
      case varint_tag(count_field): count = r.number(); break;
      default: break;
    }
  }
  if (r.failed() || count != items + 1) return corrupt("an answer that was cut off");
  return a;
}

}  // namespace troupe
