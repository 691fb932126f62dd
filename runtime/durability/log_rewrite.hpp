// When a log is written anew: when it is twice what the last one began with, and not small. Redis' rule
// (auto-aof-rewrite-percentage 100, auto-aof-rewrite-min-size 64mb).
//
// A rewrite begins a segment and writes every shard's entries into it, page by page, among the writes that come
// meanwhile; when all are there, the segments before it are deleted. As it writes at least as many bytes of pages as
// there come of writes, the log stays below twice the live data, and once more that with its writes meanwhile.
#pragma once

#include <algorithm>
#include <cstdint>

#include <troupe/config.hpp>

namespace troupe {

struct log_rewrite {
  static constexpr std::uint64_t log_bytes_min = 64 * mib;
  static constexpr std::uint64_t growth = 2;
  static constexpr std::uint64_t page_bytes = 128 * kib;  // under a shard's lock at a time, one entry more at the most
  static constexpr std::uint64_t turn_bytes = 256 * kib;  // of pages in a turn of the writer

  /// `base`: what the log began with, its pages.
  [[nodiscard]] static constexpr bool due(std::uint64_t log_bytes, std::uint64_t base) noexcept {
    return log_bytes >= std::max(log_bytes_min, growth * base);
  }
  /// Pages to write in a turn that wrote so many bytes.
  [[nodiscard]] static constexpr std::uint64_t pages_after(std::uint64_t written) noexcept {
    return std::max(turn_bytes, written);
  }
};

}  // namespace troupe
