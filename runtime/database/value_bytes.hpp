// What the values of a call weigh: queues are bounded by it.
#pragma once

#include <cstddef>
#include <string>
#include <variant>

#include <troupe/sql_value.hpp>

namespace troupe {

[[nodiscard]] inline std::size_t bytes_of_values(const sql_row& values) noexcept {
  std::size_t bytes = values.size() * sizeof(sql_value);
  for (const auto& v : values) {
    if (const auto* text = std::get_if<std::string>(&v)) bytes += text->size();
    if (const auto* b = std::get_if<blob>(&v)) bytes += b->bytes.size();
  }
  return bytes;
}

}  // namespace troupe
