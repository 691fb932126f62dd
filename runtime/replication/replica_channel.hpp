// How the stream of a shard reaches the members that hold copies: in a node, batches on the cluster link; in the
// simulator, packets.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <troupe/time.hpp>

#include "runtime/cache/command.hpp"
#include "runtime/cache/values/value_object.hpp"

namespace troupe {

/// What the value of an entry is.
enum class entry_form : std::uint8_t {
  bytes,   // a string
  object,  // a list, set, sorted set or hash in serialised form
  edit,    // packed words of a change to the value of version `base`
};

/// What a write did to one key, as its copies have to do it. Views are borrowed.
struct stream_entry {
  cache_id cache = 0;
  std::string_view key;
  std::string_view value;
  std::uint64_t version = 0;
  duration ttl{};  // 0: never expires
  bool erased = false;
  entry_form form = entry_form::bytes;
  value_edit edit = value_edit::none;
  std::uint64_t base = 0;  // of an edit; 0: there was no value
  bool more = false;       // the next entry belongs to the same write: they are taken together or not at all
};

struct stream_position {
  std::uint32_t shard = 0;
  std::uint64_t epoch = 0;      // of the row under which it is sent
  std::uint64_t after = 0;      // the sequence before the first entry
  std::uint64_t committed = 0;  // every copy in sync has the writes up to here
};

class replica_channel {
 public:
  virtual ~replica_channel() = default;

  /// Sends a write, one entry or several, after `at.after`; false when there is no room for it now: it has to come
  /// again.
  virtual bool append(std::uint64_t pid, const stream_position& at, std::span<const stream_entry> write) = 0;
  /// Asks what the copy holds, and for what it holds beyond `at.after`.
  virtual void ask(std::uint64_t pid, const stream_position& at) = 0;
};

}  // namespace troupe
