#include "node/entity_model_file.hpp"

#include <sstream>

#include "config/file.hpp"
#include "config/toml_json.hpp"

namespace troupe {

namespace {

// The file in front of each line.
error told_of(const std::string& path, const std::string& faults) {
  std::istringstream lines(faults);
  std::string text;
  for (std::string line; std::getline(lines, line);) text.append(text.empty() ? "" : "\n").append(path + ": " + line);
  return {errc::bad_config, text.empty() ? path + ": cannot be read" : std::move(text)};
}

}  // namespace

expected<model_file> read_entity_model(const std::string& path) {
  auto bytes = read_file(path, model_bytes_max);
  if (!bytes) return tl::unexpected(told_of(path, bytes.error().context));
  if (path.ends_with(".toml")) {
    bytes = toml_to_json(*bytes);
    if (!bytes) return tl::unexpected(told_of(path, bytes.error().context));
  }
  auto file = read_model(*bytes);
  if (!file) return tl::unexpected(told_of(path, file.error().context));
  return file;
}

}  // namespace troupe
