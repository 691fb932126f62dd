// How a shard's primary reads for other nodes' copies of a cache (local_copy.hpp): some entries at a time, so that
// nobody waits long for the shard. What is written meanwhile is told as changes; the later version wins there.
#pragma once

#include <cstdint>
#include <list>
#include <string>

#include "runtime/cache/local_copy_message.hpp"
#include "runtime/cache/shard_store.hpp"

namespace troupe {

class copy_reading {
 public:
  static constexpr std::size_t entries_step = 512;
  static constexpr std::uint64_t page_bytes_max = 512 << 10;  // about

  /// It outlives this object, but for its views.
  explicit copy_reading(const copy_request& asked);

  /// Reads some more; true while the page is not full and there is more. For the first of it `version` is the store's
  /// before anything was read.
  [[nodiscard]] bool step(const shard_store& store, time_point now);
  /// All of the cache was read: the page is the last.
  [[nodiscard]] bool ended() const noexcept { return page_.next == 0 && !comparing_; }
  /// Views are of this object.
  [[nodiscard]] const copy_page& page() const noexcept { return page_; }

 private:
  void compare();

  const copy_request asked_;
  copy_page page_;
  bool begun_ = false;
  bool comparing_ = false;  // digests first
  std::uint64_t cursor_ = 0;
  copy_digests digests_{};
  std::list<std::string> bytes_;
  std::uint64_t size_ = 0;
};

}  // namespace troupe
