#include "runtime/entities/cached_row.hpp"

#include <cstring>

#include "runtime/base/integer_text.hpp"

namespace troupe {

std::string pack_cached_row(std::int64_t version, std::string_view json) {
  std::string bytes(sizeof version, '\0');
  std::memcpy(bytes.data(), &version, sizeof version);
  return bytes.append(json).append("\n");
}

std::optional<cached_row> read_cached_row(std::string_view bytes) noexcept {
  cached_row row;
  if (bytes.size() <= sizeof row.version || bytes.back() != '\n') return std::nullopt;
  std::memcpy(&row.version, bytes.data(), sizeof row.version);
  row.text = bytes.substr(sizeof row.version);
  return row;
}

std::string text_of(const cached_row_key& key) {
  std::string text(key.entity);
  return text.append("/").append(std::to_string(key.id));
}

std::optional<cached_row_key> read_cached_row_key(std::string_view text) noexcept {
  const auto slash = text.find('/');
  if (slash == text.npos) return std::nullopt;
  const auto id = read_integer_text(text.substr(slash + 1));
  if (!id || *id <= 0) return std::nullopt;
  return cached_row_key{text.substr(0, slash), *id};
}

}  // namespace troupe
