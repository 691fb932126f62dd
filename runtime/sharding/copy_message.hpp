// The messages of a shard's hand-over (hand_over.hpp) and their wire form
// (runtime/proto/troupe/wire/shard_copy.proto).
//
// Decoding refuses whatever was cut off or is out of bounds, and allocates no more than a few times
// what the message holds. It does NOT know whether a cache exists, nor who may give which shard.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

namespace troupe {

namespace wire {
class ShardCopy;
}

/// Entries of one page.
inline constexpr std::size_t copy_entries_max = 16'384;
/// Caches that one page may name.
inline constexpr std::size_t copy_caches_max = 4096;

enum class copy_kind : std::uint8_t {
  page,      // giver -> taker
  answer,    // taker -> giver
  released,  // giver -> leader: the taker has it all, the giver serves no more
  joined,    // primary -> leader: the copy has it all, and every later write
  dropped,   // primary -> leader: the copy does not keep up
};

enum class page_outcome : std::uint8_t {
  taken,
  not_yet,  // the taker's table does not say so yet, or it has no lease: send it again later
  no_room,
  refused,  // the attempt is over: begin a new one
};

/// Key and value are borrowed: from a store while a page is made, from the message when it was read.
struct copied_entry {
  std::string_view cache;
  std::string_view key;
  std::string_view value;
  std::uint64_t version = 0;
  duration ttl{};  // 0: never expires
  bool erased = false;
  bool object = false;  // the value is a list, set, sorted set or hash in serialised form
  bool drop = false;    // all values of the cache up to this version are gone, whatever the key
};

struct copy_message {
  copy_kind kind = copy_kind::page;
  std::uint32_t shard = 0;
  std::uint64_t epoch = 0;
  std::uint64_t attempt = 0;
  std::uint64_t sequence = 0;
  page_outcome outcome = page_outcome::taken;
  bool last = false;
  std::uint64_t version = 0;
  std::uint64_t to = 0;
  std::uint64_t stream = 0;
};

/// Gathers a page: entries are copied as they come.
class page_writer {
 public:
  explicit page_writer(const copy_message& head);
  ~page_writer();
  page_writer(page_writer&&) noexcept;
  page_writer& operator=(page_writer&&) = delete;

  void add(const copied_entry& e);
  [[nodiscard]] std::size_t entries() const noexcept;
  /// The page is the last of its copy.
  void finish(std::uint64_t version, std::uint64_t stream);
  [[nodiscard]] std::string bytes() const;

 private:
  std::unique_ptr<wire::ShardCopy> message_;
  std::map<std::string, std::uint32_t, std::less<>> caches_;  // positions of those named so far
};

/// A message that was read, with the bytes that its entries borrow from.
class read_copy {
 public:
  /// errc::corrupt.
  [[nodiscard]] static expected<read_copy> from(std::string_view bytes);
  ~read_copy();
  read_copy(read_copy&&) noexcept;
  read_copy& operator=(read_copy&&) = delete;

  copy_message head;
  std::vector<copied_entry> entries;

 private:
  read_copy();
  std::unique_ptr<wire::ShardCopy> message_;
};

[[nodiscard]] std::string encode(const copy_message& m);

}  // namespace troupe
