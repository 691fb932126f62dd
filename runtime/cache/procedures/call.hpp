// What a procedure gets, and what all of them share: numbers as Redis reads them, its words for what went wrong, times.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/cache/keyspace.hpp"
#include "runtime/cache/procedures/reply_text.hpp"
#include "runtime/cache/procedures/table.hpp"

namespace troupe {

struct procedure_call {
  keyspace& keys;
  const word_list& words;  // after the name(s); as many as the row's arity asks for
  reply_text& reply;
  std::string_view name;  // of the procedure, for errors

  [[nodiscard]] std::string_view operator[](std::size_t i) const noexcept { return words[i]; }
  [[nodiscard]] std::size_t size() const noexcept { return words.size(); }
};

namespace procedures {

/// Longest string, as Redis' default.
inline constexpr std::uint64_t string_bytes_max = std::uint64_t{512} << 20;
/// A string up to that size is written anew when a part of it changes.
inline constexpr std::size_t stored_anew_max = 128;
/// Keys that one procedure may write.
inline constexpr std::size_t written_keys_max = 16'384;
/// Elements that a command gives back at random, the same ones again: each is a search, under the shard's lock.
inline constexpr std::int64_t repeated_max = std::int64_t{1} << 17;
/// What an element takes beside its bytes, about.
inline constexpr std::uint64_t element_overhead = 48;
/// An expiry farther away is as good as this one.
inline constexpr std::int64_t expiry_ms_max = std::int64_t{100} * 365 * 24 * 3600 * 1000;

inline constexpr std::string_view syntax_error = "ERR syntax error";
inline constexpr std::string_view not_an_integer = "ERR value is not an integer or out of range";
inline constexpr std::string_view not_a_float = "ERR value is not a valid float";
inline constexpr std::string_view too_long = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
inline constexpr std::string_view no_such_key = "ERR no such key";
inline constexpr std::string_view must_be_positive = "ERR value is out of range, must be positive";
inline constexpr std::string_view out_of_range =
    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";
inline constexpr std::string_view out_of_memory_words = "OOM command not allowed when used memory > 'maxmemory'.";

/// Decimal, all of `text`, no sign but '-', no leading zeros, within 64 bits.
[[nodiscard]] std::optional<std::int64_t> read_integer(std::string_view text) noexcept;
/// All of `text`; infinities too, no NaN.
[[nodiscard]] std::optional<double> read_real(std::string_view text) noexcept;
[[nodiscard]] std::optional<long double> read_long_real(std::string_view text) noexcept;
/// As INCRBYFLOAT writes: up to 17 digits after the point, no zeros at the end.
[[nodiscard]] std::string text_of_long_real(long double value);

/// Letters without case; `lower` is in lower case.
[[nodiscard]] bool is_word(std::string_view word, std::string_view lower) noexcept;

/// The word as a number, or an error is the reply.
[[nodiscard]] std::optional<std::int64_t> integer_word(procedure_call& c, std::size_t i,
                                                       std::string_view error = not_an_integer);

/// The key's value of one type. `good` false: it is of another type, and that is the reply.
struct string_lookup {
  bool good = true;
  bool present = false;
  std::string_view bytes;
  time_point expiry = keyspace::never;
};
[[nodiscard]] string_lookup find_string(procedure_call& c, std::string_view key);

/// A string crosses to another node in one message, as every value does.
[[nodiscard]] std::uint64_t longest_string(const procedure_call& c) noexcept;
/// False, with an error as the reply: `o` and `more` bytes would be larger than one message carries.
[[nodiscard]] bool may_grow(procedure_call& c, const value_object& o, std::uint64_t more);
/// The same with all words of the call.
[[nodiscard]] bool may_grow(procedure_call& c, const value_object& o);

/// Stores a string; false when an error is the reply.
[[nodiscard]] bool put_string(procedure_call& c, std::string_view key, std::string_view bytes,
                              time_point expiry = keyspace::never);

/// Writes over a part of a string that was looked up, or makes one; false when an error is the reply.
[[nodiscard]] bool put_piece(procedure_call& c, std::string_view key, const string_lookup& s, std::size_t offset,
                             std::string_view piece);

/// Of a key that is there; it is told.
void change_expiry(procedure_call& c, std::string_view key, time_point expiry);

/// A time to live or a time, as commands give it. `absolute_ms`: since 1970. None: an error is the reply.
[[nodiscard]] std::optional<std::int64_t> read_expiry(procedure_call& c, std::string_view word, bool seconds,
                                                      bool absolute);
/// On the monotonic clock.
[[nodiscard]] time_point expiry_at(const procedure_call& c, std::int64_t wall_ms) noexcept;
/// And back.
[[nodiscard]] std::int64_t wall_ms_of(const procedure_call& c, time_point expiry) noexcept;
/// What is left until `expiry`, rounded up.
[[nodiscard]] std::int64_t milliseconds_left(const procedure_call& c, time_point expiry) noexcept;

/// [start, stop] of a sequence of `size`, negative ones counted from its end; none when nothing is in it.
struct index_range {
  std::size_t first = 0;
  std::size_t count = 0;
};
[[nodiscard]] index_range clip_range(std::int64_t start, std::int64_t stop, std::size_t size) noexcept;

}  // namespace procedures

}  // namespace troupe
