// Which function does a procedure: one look-up for each file of them. Null when it is not among the file's.
#pragma once

#include "runtime/cache/procedures/procedures.hpp"

namespace troupe::procedures {

[[nodiscard]] function string_function(procedure p) noexcept;
[[nodiscard]] function counter_function(procedure p) noexcept;

}  // namespace troupe::procedures
