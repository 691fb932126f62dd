// A batch of cache requests as JSON, and its answer.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <troupe/cache.hpp>

namespace troupe {

struct cache_batch {
  std::vector<std::string> get;
  std::vector<cache_entry> put;
  std::vector<std::string> erase;
};

struct cache_batch_answer {
  std::vector<expected<cache_value>> got;
  std::vector<expected<std::uint64_t>> put;
  std::vector<expected<bool>> erased;
};

/// All faults, each with its place, in `faults`; none there: it can be done.
[[nodiscard]] cache_batch read_cache_batch(std::string_view body, std::vector<std::string>& faults);
[[nodiscard]] std::string cache_batch_json(const cache_batch& asked, const cache_batch_answer& answer);
/// Keys percent-encoded, as they stand in a path.
[[nodiscard]] std::string cache_page_json(const cache_page& page);
/// Of one line.
[[nodiscard]] std::string cache_change_json(const cache_change& change);
[[nodiscard]] std::string cache_number_json(std::int64_t number);

}  // namespace troupe
