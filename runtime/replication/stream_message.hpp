// The messages between a shard's primary and its copies, and their wire form
// (runtime/proto/troupe/wire/replication.proto). One batch carries items of many shards.
//
// Decoding refuses what was cut off or is out of bounds, and allocates no more than a few times what the message
// holds. It does NOT know whether a cache exists, nor who may send what.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>

#include "runtime/replication/replica_channel.hpp"

namespace troupe {

/// Entries of one batch, and items of one batch.
inline constexpr std::size_t stream_entries_max = 65'536;

enum class stream_outcome : std::uint8_t {
  taken,    // has everything up to `sequence`
  not_yet,  // its table does not say so yet: again later
  refused,  // its table says otherwise
  gap,      // it lacks something before these entries, or holds no whole copy
  no_room,  // its memory is full
};

/// An entry as it travels: with the cache's name instead of a number that is this node's own.
struct named_entry {
  std::string_view cache;
  stream_entry entry;  // its cache is not set
};

/// The fields of an entry, as every message that carries one has them (ReplicaEntry).
void put_entry(std::string& to, const named_entry& from);
/// False for what no primary writes. Views are of `bytes`.
[[nodiscard]] bool read_entry(std::string_view bytes, named_entry& into);

struct stream_item {
  stream_position at;
  bool ask = false;
  std::vector<named_entry> entries;
};

struct stream_answer {
  std::uint32_t shard = 0;
  std::uint64_t epoch = 0;
  stream_outcome outcome = stream_outcome::taken;
  std::uint64_t sequence = 0;
  bool ask = false;  // it answers one
  std::uint64_t asked_after = 0;
  std::vector<named_entry> entries;  // of an ask: those beyond asked_after
};

/// Gathers items for one member. Entries of one shard that follow each other become one item.
class batch_writer {
 public:
  explicit batch_writer(std::uint64_t sender_pid);

  void append(const stream_position& at, const named_entry& e);
  void ask(const stream_position& at);
  [[nodiscard]] bool empty() const noexcept { return items_ == 0; }
  [[nodiscard]] std::size_t entries() const noexcept { return entries_; }
  /// About what is gathered.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  /// Whose items are in it, in order; a shard may come again.
  [[nodiscard]] const std::vector<std::uint32_t>& shards() const noexcept { return shards_; }
  /// The message; the writer is of no use afterwards.
  [[nodiscard]] std::string finish() &&;

 private:
  void begin_item(const stream_position& at, bool ask);
  void end_item();

  std::string message_;       // what is written
  std::string open_;          // the item that may grow: its fields, without what is committed,
  std::string open_entries_;  // and its entries
  std::string entry_;         // scratch
  std::vector<std::uint32_t> shards_;
  stream_position last_;  // of the item that may grow, after its entries
  bool may_grow_ = false;
  std::size_t items_ = 0;
  std::size_t entries_ = 0;
  std::uint64_t bytes_ = 0;
};

/// A batch that was read; its entries borrow from the bytes that it was read from.
struct read_batch {
  std::uint64_t sender = 0;
  std::vector<stream_item> items;

  /// errc::corrupt.
  [[nodiscard]] static expected<read_batch> from(std::string_view bytes);
};

class answers_writer {
 public:
  void add(const stream_answer& a);
  /// The message; the writer is of no use afterwards.
  [[nodiscard]] std::string finish() &&;

 private:
  std::string message_;
  std::string answer_, entry_;  // scratch
  std::size_t answers_ = 0;
};

/// Answers that were read; their entries borrow from the bytes that they were read from.
struct read_answers {
  std::vector<stream_answer> answers;

  /// errc::corrupt.
  [[nodiscard]] static expected<read_answers> from(std::string_view bytes);
};

}  // namespace troupe
