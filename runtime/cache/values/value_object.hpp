// A value that is more than a string of bytes: a list, set, hash or sorted set. The shard store owns it and keeps its
// memory on the ledger; procedures read and change it; copies repeat the changes by apply().
//
// Small ones lie in one compact piece of memory, larger ones in real structures; where the line is, value_limits says.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/cache/procedures/words.hpp"

namespace troupe {

/// Numbers are part of serialised values: never change one.
enum class value_type : std::uint8_t { string = 0, list = 1, set = 2, sorted_set = 3, hash = 4 };

/// As TYPE says it.
[[nodiscard]] std::string_view name_of(value_type t) noexcept;

/// When a value leaves its compact form. Any thread may change them; a value notices when it is changed next.
struct value_limits {
  std::atomic<std::uint32_t> hash_compact_entries{128};
  std::atomic<std::uint32_t> hash_compact_bytes{64};  // of the longest field or value
  std::atomic<std::uint32_t> list_chunk_bytes{8192};
  std::atomic<std::uint32_t> set_integer_entries{512};
  std::atomic<std::uint32_t> set_compact_entries{128};
  std::atomic<std::uint32_t> set_compact_bytes{64};
  std::atomic<std::uint32_t> sorted_set_compact_entries{128};
  std::atomic<std::uint32_t> sorted_set_compact_bytes{64};
  /// A value does not grow beyond: it crosses to another node in one message.
  std::atomic<std::uint64_t> object_bytes_max{std::uint64_t{64} << 20};
};

/// A change to a value that has the same effect wherever it is applied to the same value. Numbers travel between nodes.
enum class value_edit : std::uint8_t {
  none = 0,
  touch = 1,        // only the time to live, which comes with it
  splice = 2,       // string: offset, bytes; grown with zero bytes
  drop = 3,         // all of the cache's values in the shard up to its version, whatever the key
  push_front = 10,  // list: words, one after the other
  push_back = 11,
  pop_front = 12,  // how many
  pop_back = 13,
  insert_at = 14,   // index, word
  replace_at = 15,  // index, word
  erase_at = 16,    // indexes, the highest first
  keep_range = 17,  // first, how many
  set_add = 20,     // members
  set_remove = 21,
  hash_put = 30,  // fields, each with its value
  hash_remove = 31,
  scores_put = 40,  // scores, each with its member
  scores_remove = 41,
};

/// The type of value that an edit makes where there is none.
[[nodiscard]] value_type type_of(value_edit e) noexcept;

class value_object {
 public:
  value_object(value_type t, const value_limits& limits) noexcept : type(t), limits_(&limits) {}
  virtual ~value_object() = default;
  value_object(const value_object&) = delete;
  value_object& operator=(const value_object&) = delete;

  /// As OBJECT ENCODING says it.
  [[nodiscard]] virtual std::string_view encoding() const noexcept = 0;
  /// Elements, fields or members; a value without any is erased.
  [[nodiscard]] virtual std::size_t size() const noexcept = 0;
  /// Memory, this object itself included.
  [[nodiscard]] virtual std::uint64_t bytes() const noexcept = 0;
  [[nodiscard]] virtual std::unique_ptr<value_object> clone() const = 0;
  /// Appends its elements as words: those of a list, the members of a set; fields, each with its value; members, each
  /// with its score (eight bytes).
  virtual void write_words(std::string& into) const = 0;
  /// False when the edit is none of this type's or its words make no sense; the value may be changed in part then.
  [[nodiscard]] virtual bool apply(value_edit e, const word_list& words) = 0;

  const value_type type;
  std::uint64_t accounted = 0;  // what the store has on its ledger for this

 protected:
  [[nodiscard]] const value_limits& limits() const noexcept { return *limits_; }

 private:
  const value_limits* limits_;
};

/// An empty one; null for a string. `seed` is secret: against chosen members.
[[nodiscard]] std::unique_ptr<value_object> make_value(value_type t, const value_limits& limits, std::uint64_t seed);

/// A value in bytes, for copies, hand-overs and DUMP: type, version of this layout, words.
void serialise(const value_object& o, std::string& into);
/// Null when the bytes make no sense.
[[nodiscard]] std::unique_ptr<value_object> read_value(std::string_view bytes, const value_limits& limits,
                                                       std::uint64_t seed);

}  // namespace troupe
