// What BLPOP and the like say of waiting: how long, for which type of value. And how a client's wait travels to the
// primary of its keys: as a run of `await_keys`, or of `leave_keys` when it does not want to any more.
//
//   command.version  the number of the wait, one for all attempts, also on the commands that try to pop
//   command.ttl      how long it has waited already, the same
//   command.value    type of value, keys
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/time.hpp>

#include "runtime/cache/command.hpp"
#include "runtime/cache/procedures/table.hpp"
#include "runtime/cache/values/value_object.hpp"

namespace troupe {

/// Keys of one wait.
inline constexpr std::size_t waited_keys_max = 1024;
/// A longer wait is one for ever.
inline constexpr duration wait_max = std::chrono::hours(24 * 365 * 100);

/// Seconds, perhaps with a fraction, rounded up to milliseconds; 0: for ever. None: `error` says why.
[[nodiscard]] std::optional<duration> read_timeout(std::string_view word, std::string_view& error) noexcept;

/// Of a procedure that is blocking: the timeout among its words (those after the name); empty when it is missing.
[[nodiscard]] std::string_view timeout_of(const procedure_row& row, const word_list& words) noexcept;
[[nodiscard]] value_type waits_for(procedure p) noexcept;
/// The keys that have to hold something: of a move the first only.
[[nodiscard]] std::vector<std::string_view> waited_keys(const procedure_row& row, const word_list& words);
/// It found nothing: a null of either protocol.
[[nodiscard]] bool is_null_reply(std::string_view reply) noexcept;

struct wait_words {
  value_type type = value_type::list;
  std::vector<std::string_view> keys;
};
[[nodiscard]] std::string pack(const wait_words& w);
/// None: they make no sense. Views of `packed`.
[[nodiscard]] std::optional<wait_words> read_wait_words(std::string_view packed);

struct procedure_call;
namespace procedures {
/// False: an error is the reply.
[[nodiscard]] bool check_timeout(procedure_call& c, std::size_t word);
}  // namespace procedures

}  // namespace troupe
