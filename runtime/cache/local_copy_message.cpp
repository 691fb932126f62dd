#include "runtime/cache/local_copy_message.hpp"

#include "runtime/base/wire_view.hpp"
#include "runtime/cache/key_hash.hpp"
#include "runtime/cache/shard_store.hpp"
#include "runtime/sharding/slot.hpp"

namespace troupe {

namespace {

// Fields of CopyRequest, CopyPage and CopyRow (runtime/proto/troupe/wire/cache.proto).
constexpr std::uint32_t digests_field = 6;
constexpr std::uint32_t rows_field = 5;
constexpr std::uint32_t count_field = 15;
constexpr std::size_t cache_name_max = 256;
constexpr std::size_t digest_bytes = 8;

tl::unexpected<error> corrupt(const char* why) { return fail(errc::corrupt, std::string("local copy: ") + why); }

bool read_digests(std::string_view bytes, copy_request& into) {
  if (bytes.size() != copy_buckets * digest_bytes) return false;
  copy_digests all{};
  for (std::size_t i = 0; i < bytes.size(); ++i)
    all[i / digest_bytes] |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * (i % digest_bytes));
  into.digests = all;
  return true;
}

bool read_row(std::string_view bytes, copy_page& into) {
  copy_row row;
  std::string_view value;
  bool has_value = false;
  field_reader r(bytes);
  while (r.next()) {
    switch (r.tag()) {
      case bytes_tag(1): row.key = r.bytes(); break;
      case varint_tag(2): row.version = r.number(); break;
      case varint_tag(3): row.ttl = duration(r.signed_number()); break;
      case bytes_tag(4): value = r.bytes(); break;
      case varint_tag(5): has_value = r.number() != 0; break;
      default: break;
    }
  }
  if (has_value) row.value = value;
  if (r.failed() || row.key.size() > key_bytes_max || value.size() > change_options::value_bytes_most) return false;
  if (row.ttl < duration::zero()) return false;
  into.rows.push_back(row);
  return true;
}

}  // namespace

std::size_t copy_bucket_of(std::string_view key, std::uint64_t salt) noexcept {
  return key_hash(key, salt) % copy_buckets;
}

std::uint64_t copy_digest_of(std::string_view key, std::uint64_t version, std::uint64_t salt) noexcept {
  return key_hash(key, salt ^ (version * 0x9e3779b97f4a7c15ULL));
}

std::string encode_copy_request(const copy_request& r, const cache_namer& name_of) {
  std::string bytes;
  put_varint(bytes, 1, r.session);
  put_varint(bytes, 2, r.token);
  put_bytes(bytes, 3, name_of(r.cache));
  put_varint(bytes, 4, std::uint64_t{r.shard});
  put_varint(bytes, 5, r.salt);
  if (r.digests) {
    std::string all;
    for (const auto d : *r.digests) {
      for (unsigned shift = 0; shift < 64; shift += 8) all.push_back(static_cast<char>(d >> shift & 0xff));
    }
    put_bytes(bytes, digests_field, all);
  }
  put_varint(bytes, 7, r.buckets);
  put_varint(bytes, 8, r.cursor);
  put_varint(bytes, count_field, std::uint64_t{1});
  return bytes;
}

expected<copy_request> decode_copy_request(std::string_view bytes, const cache_finder& find) {
  copy_request c;
  c.buckets = 0;
  std::string_view cache;
  std::uint64_t shard = 0, count = 0;
  bool sound = true;
  field_reader r(bytes);
  while (r.next()) {
    switch (r.tag()) {
      case varint_tag(1): c.session = r.number(); break;
      case varint_tag(2): c.token = r.number(); break;
      case bytes_tag(3): cache = r.bytes(); break;
      case varint_tag(4): shard = r.number(); break;
      case varint_tag(5): c.salt = r.number(); break;
      case bytes_tag(digests_field): sound = read_digests(r.bytes(), c) && sound; break;
      case varint_tag(7): c.buckets = r.number(); break;
      case varint_tag(8): c.cursor = r.number(); break;
      case varint_tag(count_field): count = r.number(); break;
      default: break;
    }
  }
  if (r.failed() || count != 1 || !sound || cache.size() > cache_name_max || shard >= shards_max)
    return corrupt("a request that cannot be read");
  const auto id = find(cache);
  if (!id) return corrupt("a cache that is not declared here");
  c.cache = *id;
  c.shard = static_cast<std::uint32_t>(shard);
  return c;
}

std::string encode_copy_page(const copy_page& p) {
  std::string bytes, entry;
  put_varint(bytes, 1, p.token);
  put_varint(bytes, 2, p.version);
  put_varint(bytes, 3, p.buckets);
  put_varint(bytes, 4, p.next);
  for (const auto& row : p.rows) {
    entry.clear();
    put_bytes(entry, 1, row.key);
    put_varint(entry, 2, row.version);
    put_varint(entry, 3, row.ttl.count());
    if (row.value) put_bytes(entry, 4, *row.value);
    put_varint(entry, 5, std::uint64_t{row.value.has_value()});
    put_message(bytes, rows_field, entry);
  }
  put_varint(bytes, count_field, std::uint64_t{p.rows.size()} + 1);
  return bytes;
}

expected<copy_page> decode_copy_page(std::string_view bytes) {
  copy_page p;
  std::uint64_t count = 0;
  field_reader r(bytes);
  while (r.next()) {
    switch (r.tag()) {
      case varint_tag(1): p.token = r.number(); break;
      case varint_tag(2): p.version = r.number(); break;
      case varint_tag(3): p.buckets = r.number(); break;
      case varint_tag(4): p.next = r.number(); break;
      case bytes_tag(rows_field):
        if (p.rows.size() == copy_rows_max || !read_row(r.bytes(), p)) return corrupt("a row out of bounds");
        break;
      case varint_tag(count_field): count = r.number(); break;
      default: break;
    }
  }
  if (r.failed() || count != p.rows.size() + 1) return corrupt("a page that was cut off");
  return p;
}

}  // namespace troupe
