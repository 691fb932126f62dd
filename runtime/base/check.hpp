// TROUPE_CHECK: a programmer's error ends the program at once, in release too. Never for bytes from outside.
#pragma once

namespace troupe {

[[noreturn]] void check_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace troupe

#define TROUPE_CHECK(condition) \
  (static_cast<bool>(condition) ? void(0) : ::troupe::check_failed(#condition, __FILE__, __LINE__))
