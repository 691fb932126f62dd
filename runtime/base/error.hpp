// How each errc looks from outside: one table for every door.
#pragma once

#include <string_view>

#include <troupe/error.hpp>

namespace troupe {

struct error_face {
  std::string_view name;         // "stale_term"
  std::string_view message;      // a short sentence
  int http_status;               // of the answer
  std::string_view resp_prefix;  // "ERR", "OOM", ... as a Redis client expects
};

[[nodiscard]] const error_face& face_of(errc code) noexcept;

}  // namespace troupe
