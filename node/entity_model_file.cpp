#include "node/entity_model_file.hpp"

#include <sstream>

#include "config/file.hpp"
#include "config/text.hpp"
#include "config/toml_json.hpp"
#include "runtime/entities/entity_duty.hpp"
#include "runtime/entities/names.hpp"

namespace troupe {

namespace {

// The file in front of each line.
error told_of(const std::string& path, const std::string& faults) {
  std::istringstream lines(faults);
  std::string text;
  for (std::string line; std::getline(lines, line);) text.append(text.empty() ? "" : "\n").append(path + ": " + line);
  return {errc::bad_config, text.empty() ? path + ": cannot be read" : std::move(text)};
}

// "entities.off: ..." for each name that the model does not have.
void check_names(const entity_model& model, const char* key, const std::vector<std::string>& wanted,
                 std::vector<std::string>& faults) {
  std::vector<std::string> known;
  for (const auto& e : model.entities) known.push_back(e.type_name);
  for (const auto& name : wanted) {
    if (model.find(lower_case(name)) != nullptr) continue;
    faults.push_back(std::string(key) + ": the model has no entity " + in_quotes(name) + did_you_mean(name, known));
  }
}

}  // namespace

std::vector<std::string> faults_of_switches(const entity_model& model, const entities_config& c) {
  std::vector<std::string> faults;
  check_names(model, "entities.on", c.on, faults);
  check_names(model, "entities.off", c.off, faults);
  if (const auto few = entity_duty::of(model, c.on, c.off).check(); !few)
    faults.push_back((c.on.empty() ? "entities.off: " : "entities.on: ") + few.error().context);
  return faults;
}

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
