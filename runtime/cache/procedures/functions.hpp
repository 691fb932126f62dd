// Which function does a procedure: one look-up for each file of them. Null when it is not among the file's.
#pragma once

#include "runtime/cache/procedures/procedures.hpp"

namespace troupe::procedures {

[[nodiscard]] function bit_function(procedure p) noexcept;
[[nodiscard]] function bitfield_function(procedure p) noexcept;
[[nodiscard]] function counter_function(procedure p) noexcept;
[[nodiscard]] function hash_function(procedure p) noexcept;
[[nodiscard]] function key_function(procedure p) noexcept;
[[nodiscard]] function list_function(procedure p) noexcept;
[[nodiscard]] function list_search_function(procedure p) noexcept;
[[nodiscard]] function set_function(procedure p) noexcept;
[[nodiscard]] function set_algebra_function(procedure p) noexcept;
[[nodiscard]] function shard_function(procedure p) noexcept;
[[nodiscard]] function sort_function(procedure p) noexcept;
[[nodiscard]] function sorted_algebra_function(procedure p) noexcept;
[[nodiscard]] function sorted_range_function(procedure p) noexcept;
[[nodiscard]] function sorted_set_function(procedure p) noexcept;
[[nodiscard]] function string_function(procedure p) noexcept;
[[nodiscard]] function transaction_function(procedure p) noexcept;

}  // namespace troupe::procedures
