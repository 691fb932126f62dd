// Errors: one small set of codes, one result type.
//
// Every fallible function of troupe returns troupe::expected<T>; no exception leaves one. A code
// exists only where some caller reacts differently to it; what a person needs to know beyond that
// is in `context`. The table from code to message, HTTP status and RESP prefix is runtime/base/error.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace troupe {

enum class errc : std::uint8_t {
  ok = 0,             // only in replies that carry a code next to a value; never inside an `error`
  invalid_argument,   // the request is malformed; the same call can never succeed
  bad_config,         // configuration refused; context lists every fault
  not_found,          // no such key, cache, member or route
  condition_failed,   // if-absent, if-present or if-version did not hold
  too_large,          // beyond a named limit
  out_of_memory,      // the memory limit of the cache is reached and nothing may be evicted
  unavailable,        // not done, may be tried again: no leader, queue full, database down
  deadline_exceeded,  // not done: the deadline passed first
  outcome_unknown,    // may or may not have been done
  not_owner,          // another node owns the shard
  stale_term,         // stamped below what the receiver has accepted
  peer_lost,          // the link to the other node broke
  access_denied,      // wrong secret, or an address that may not do this
  storage_failed,     // disk full, not writable, or I/O error
  corrupt,            // bytes that fail their checksum or cannot be decoded
  not_implemented,    // a name that is reserved but not built, a type that the receiver does not know
  wrong_type,         // the key holds a value of another type
  already_exists,     // a unique value is taken by another row
  missing_reference,  // a row that is referred to is not there, or is still referred to
  conflict,           // another transaction came between: not done, may be tried again
};

/// The highest code: what comes from another node may not be above it.
inline constexpr errc errc_last = errc::conflict;

struct error {
  errc code = errc::unavailable;
  std::string context;  // a sentence for a person, without a trailing full stop
};

template <class T = void>
using expected = tl::expected<T, error>;

/// Makes the failure half of an expected<T>.
[[nodiscard]] inline tl::unexpected<error> fail(errc code, std::string context = {}) {
  return tl::unexpected<error>(error{code, std::move(context)});
}

/// The code's name as written in logs and JSON, e.g. "stale_term".
[[nodiscard]] std::string_view name_of(errc code) noexcept;

/// A short sentence for the code, e.g. "the deadline passed before the request was done".
[[nodiscard]] std::string_view message_of(errc code) noexcept;

/// "<message>: <context>", or one of them when the other is empty.
[[nodiscard]] std::string describe(const error& e);

}  // namespace troupe
