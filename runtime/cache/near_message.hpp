// What a near cache asks the owner of its values, and the answer, in their wire form
// (runtime/proto/troupe/wire/cache.proto).
//
// Decoding refuses what was cut off or is out of bounds. Caches travel by name: ids are a node's own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>

#include "runtime/cache/command.hpp"

namespace troupe {

/// Changes in one answer.
inline constexpr std::size_t near_changes_max = 65'536;

struct near_answer {
  struct change {
    cache_id cache = 0;
    std::string key;
    bool all = false;  // of the cache
  };
  std::uint64_t number = 0;  // 1 for the first of a session, and one more each time
  bool reset = false;        // what was given before may have changed, all of it
  std::vector<change> changes;
};

[[nodiscard]] std::string encode_near_poll(std::uint64_t session);
/// errc::corrupt.
[[nodiscard]] expected<std::uint64_t> decode_near_poll(std::string_view bytes);

using cache_namer = std::function<std::string_view(cache_id)>;
using cache_finder = std::function<std::optional<cache_id>(std::string_view)>;
[[nodiscard]] std::string encode_near_answer(const near_answer& a, const cache_namer& name_of);
/// errc::corrupt. Changes of caches that are not declared here are left out.
[[nodiscard]] expected<near_answer> decode_near_answer(std::string_view bytes, const cache_finder& find);

}  // namespace troupe
