// What a node asks a shard's primary to make its copy of a cache whole, and the answer, in their wire form
// (runtime/proto/troupe/wire/cache.proto): digests of what the node has, by bucket of keys, and the entries of the
// buckets that differ, page by page.
//
// Decoding refuses what was cut off or is out of bounds. Caches travel by name: ids are a node's own.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

#include "runtime/cache/command.hpp"
#include "runtime/cache/near_message.hpp"

namespace troupe {

inline constexpr std::size_t copy_buckets = 64;
using copy_digests = std::array<std::uint64_t, copy_buckets>;
using copy_mask = std::uint64_t;  // bit b: bucket b

/// Where a key lies, and what it adds to the digest of its bucket (by exclusive or). The salt is another one each time:
/// no choice of keys makes two contents look the same.
[[nodiscard]] std::size_t copy_bucket_of(std::string_view key, std::uint64_t salt) noexcept;
[[nodiscard]] std::uint64_t copy_digest_of(std::string_view key, std::uint64_t version, std::uint64_t salt) noexcept;

struct copy_request {
  std::uint64_t session = 0;  // of the asker's changes: it is told there when all that was read is committed
  std::uint64_t token = 0;    // of the attempt
  cache_id cache = 0;
  std::uint32_t shard = 0;
  std::uint64_t salt = 0;
  std::optional<copy_digests> digests;  // with the first page, of what there is; none: there is nothing
  copy_mask buckets = ~copy_mask{0};    // of the later pages
  std::uint64_t cursor = 0;             // where the page before ended
};

struct copy_row {
  std::string_view key;  // borrowed
  std::uint64_t version = 0;
  duration ttl{};                         // what is left; 0: never expires
  std::optional<std::string_view> value;  // none: no string, or too large to be kept everywhere
};

struct copy_page {
  std::uint64_t token = 0;
  std::uint64_t version = 0;  // with the first page: of the latest write before it was read
  copy_mask buckets = 0;      // that differ
  std::uint64_t next = 0;     // cursor; 0: that was all
  std::vector<copy_row> rows;
};

/// Rows of one page.
inline constexpr std::size_t copy_rows_max = 65'536;

[[nodiscard]] std::string encode_copy_request(const copy_request& r, const cache_namer& name_of);
/// errc::corrupt, also for a cache that is not declared here.
[[nodiscard]] expected<copy_request> decode_copy_request(std::string_view bytes, const cache_finder& find);
[[nodiscard]] std::string encode_copy_page(const copy_page& p);
/// errc::corrupt. Views are of the bytes.
[[nodiscard]] expected<copy_page> decode_copy_page(std::string_view bytes);

}  // namespace troupe
