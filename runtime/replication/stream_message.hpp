// The messages between a shard's primary and its copies, and their wire form
// (runtime/proto/troupe/wire/replication.proto). One batch carries items of many shards.
//
// Decoding refuses what was cut off or is out of bounds, and allocates no more than a few times what the message
// holds. It does NOT know whether a cache exists, nor who may send what.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>

#include "runtime/replication/replica_channel.hpp"

namespace troupe {

namespace wire {
class ReplicaAnswers;
class ReplicaBatch;
}  // namespace wire

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
  ~batch_writer();
  batch_writer(batch_writer&&) noexcept;
  batch_writer& operator=(batch_writer&&) noexcept;

  void append(const stream_position& at, const named_entry& e);
  void ask(const stream_position& at);
  [[nodiscard]] bool empty() const noexcept { return items_ == 0; }
  [[nodiscard]] std::size_t entries() const noexcept { return entries_; }
  /// About what is gathered.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  /// Whose items are in it, in order; a shard may come again.
  [[nodiscard]] const std::vector<std::uint32_t>& shards() const noexcept { return shards_; }
  [[nodiscard]] std::string finish() const;

 private:
  std::unique_ptr<wire::ReplicaBatch> message_;
  std::vector<std::uint32_t> shards_;
  stream_position last_;  // of the item that may grow, after its entries
  bool may_grow_ = false;
  std::size_t items_ = 0;
  std::size_t entries_ = 0;
  std::uint64_t bytes_ = 0;
};

/// A batch that was read, with the bytes that its entries borrow from.
class read_batch {
 public:
  /// errc::corrupt.
  [[nodiscard]] static expected<read_batch> from(std::string_view bytes);
  ~read_batch();
  read_batch(read_batch&&) noexcept;
  read_batch& operator=(read_batch&&) = delete;

  std::uint64_t sender = 0;
  std::vector<stream_item> items;

 private:
  read_batch();
  std::unique_ptr<wire::ReplicaBatch> message_;
};

class answers_writer {
 public:
  answers_writer();
  ~answers_writer();
  answers_writer(answers_writer&&) noexcept;
  answers_writer& operator=(answers_writer&&) = delete;

  void add(const stream_answer& a);
  [[nodiscard]] std::string finish() const;

 private:
  std::unique_ptr<wire::ReplicaAnswers> message_;
};

class read_answers {
 public:
  /// errc::corrupt.
  [[nodiscard]] static expected<read_answers> from(std::string_view bytes);
  ~read_answers();
  read_answers(read_answers&&) noexcept;
  read_answers& operator=(read_answers&&) = delete;

  std::vector<stream_answer> answers;

 private:
  read_answers();
  std::unique_ptr<wire::ReplicaAnswers> message_;
};

}  // namespace troupe
