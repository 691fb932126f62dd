// The model file of the entities service, from the disk to the model.
#pragma once

#include <string>
#include <vector>

#include <troupe/config.hpp>

#include "runtime/entities/model_reader.hpp"

namespace troupe {

/// Why `c` names entities that it may not: what the model does not have, with the nearest name, or too many. Empty: it
/// may.
[[nodiscard]] std::vector<std::string> faults_of_switches(const entity_model& model, const entities_config& c);

/// JSON, or TOML when the name ends in .toml. errc::bad_config with every fault, one a line, the file in front.
[[nodiscard]] expected<model_file> read_entity_model(const std::string& path);

}  // namespace troupe
