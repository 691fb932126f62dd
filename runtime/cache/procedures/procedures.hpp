// Runs procedures: finds the function of a number, checks words, and gives the reply. The functions are in
// strings.cpp, bits.cpp, keys.cpp, hashes.cpp, lists.cpp, sets.cpp, sorted_sets.cpp and sort.cpp.
//
// A procedure is a function of its words, the keys of one slot, the time and a source of random numbers. What it writes
// it writes through keyspace, which notes the effects.
#pragma once

#include <string>

#include "runtime/cache/command.hpp"
#include "runtime/cache/procedures/call.hpp"

namespace troupe {

/// Appends the reply to `reply`. invalid_argument when there is no such procedure, or its words cannot be read.
[[nodiscard]] errc run_procedure(const cache_command& command, keyspace& keys, std::string& reply);

/// Words that are too few or too many are answered with Redis' error.
void run_procedure(const procedure_row& row, const word_list& words, keyspace& keys, reply_text& reply);

/// It is refused while memory is full.
[[nodiscard]] bool needs_room(const cache_command& command) noexcept;

namespace procedures {

using function = void (*)(procedure_call&);
[[nodiscard]] function function_of(procedure p) noexcept;

}  // namespace procedures

}  // namespace troupe
