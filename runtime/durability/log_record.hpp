// The records of the log of durable caches, and how they lie in a file: one log a node, in segments, a record for each
// write of any shard (runtime/proto/troupe/wire/durability.proto; docs/DURABILITY.md has the bytes).
//
//   header   what follows is of this version and number of shards: the first record of a segment
//   begin    the shard holds nothing, under a creation; `whole`: that is all there is, else a copy begins
//   write    what one write did: all its entries, or none
//   page     entries as they are now: of a copy that comes in, or of a checkpoint
//   state    the shard is of this creation, and has all up to a sequence if it is `whole`
//   drop     this node has no part in the shard any more
//   mark     the log was on the disk up to a position: damage before it is damage, not a torn tail
//
// Times to live are what was left at the record's own wall time. It does NOT know files.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/replication/stream_message.hpp"

namespace troupe {

/// Versions of the format that this program reads; it writes the last.
inline constexpr std::uint64_t log_version = 1;
/// What a segment begins with.
inline constexpr std::string_view log_magic = "troupeDL";
/// Before each record: a word to find it by, its size, its checksum.
inline constexpr std::size_t frame_head_bytes = 12;
/// Of one record, without its head: a write is a value at the most, and what belongs to it.
inline constexpr std::uint64_t frame_bytes_max = std::uint64_t{2} << 30;

enum class record_kind : std::uint8_t { header = 1, begin, write, page, state, drop, mark };

struct log_record {
  record_kind kind = record_kind::write;
  std::uint32_t shard = 0;
  std::uint64_t created = 0;
  std::uint64_t pid = 0;    // of the process that wrote it, by its table
  std::uint64_t epoch = 0;  // of the row
  std::uint64_t sequence = 0;
  std::uint64_t version = 0;  // of the store; of a header that of the format
  bool whole = false;
  std::uint64_t wall_ms = 0;  // since 1970
  std::uint64_t number = 0;   // of a header: that of the segment, counted from 1
  std::uint64_t shards = 0;   // of a header
  std::uint64_t synced = 0;   // of a mark: bytes of this segment
  std::vector<named_entry> entries;
};

/// Adds the record with its frame.
void append_record(std::string& to, const log_record& r);
/// The record in a frame's payload; its entries are views of it. errc::corrupt.
[[nodiscard]] expected<log_record> read_record(std::string_view payload);

}  // namespace troupe
