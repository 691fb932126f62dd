// What a node asks another one about the changes of its shards, and the answer, in their wire form
// (runtime/proto/troupe/wire/cache.proto).
//
// Decoding refuses what was cut off or is out of bounds. Caches travel by name: ids are a node's own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/cache_changes.hpp>
#include <troupe/error.hpp>

#include "runtime/cache/command.hpp"
#include "runtime/cache/near_message.hpp"

namespace troupe {

/// What of a cache is asked for.
struct change_interest {
  static constexpr std::size_t prefixes_max = 16;

  cache_id cache = 0;
  std::vector<std::string> prefixes{};  // of keys; none: all of them
  std::uint64_t value_bytes_max = 0;    // larger values are left out

  bool operator==(const change_interest&) const = default;
  [[nodiscard]] bool covers(std::string_view key) const noexcept;
};

struct change_poll {
  static constexpr std::size_t interests_max = 256;

  std::uint64_t session = 0;   // not 0
  std::uint64_t number = 1;    // of the answer that is awaited; 1 begins the session, 0 ends it
  std::uint64_t revision = 0;  // of the interests
  std::vector<change_interest> interests{};
};

struct change_item {
  enum class form : std::uint8_t {
    change,
    began,    // all later changes of the shard follow, up to its end; `version`: see change_listener::on_begin
    ended,    // the shard has another primary; `version`: of the last write, 0: some are not told
    revised,  // from here on the interests of revision `version` hold
    marked,   // everything before a place that the reader asked to be marked, by `version`, was told and is committed
  };
  form what = form::change;
  change_kind kind = change_kind::put;
  cache_id cache = 0;
  std::uint32_t shard = 0;
  std::uint64_t version = 0;
  std::uint64_t epoch = 0;  // of what began: of the shard's row
  duration ttl{};           // of a put; 0: never expires
  std::string key{};
  std::optional<std::string> value{};

  [[nodiscard]] std::size_t bytes() const noexcept { return key.size() + (value ? value->size() : 0) + overhead; }
  static constexpr std::size_t overhead = 96;  // beside key and value, about
};

struct change_answer {
  static constexpr std::size_t items_max = 65'536;

  std::uint64_t number = 0;  // 0: the session is not, or no longer, known
  std::vector<change_item> items{};
  bool more = false;  // there was more to tell than fits
};

[[nodiscard]] std::string encode_change_poll(const change_poll& p, const cache_namer& name_of);
/// errc::corrupt. Interests in caches that are not declared here are left out, and so are their changes.
[[nodiscard]] expected<change_poll> decode_change_poll(std::string_view bytes, const cache_finder& find);
[[nodiscard]] std::string encode_change_answer(const change_answer& a, const cache_namer& name_of);
[[nodiscard]] expected<change_answer> decode_change_answer(std::string_view bytes, const cache_finder& find);

}  // namespace troupe
