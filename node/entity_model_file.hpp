// The model file of the entities service, from the disk to the model.
#pragma once

#include <string>

#include "runtime/entities/model_reader.hpp"

namespace troupe {

/// JSON, or TOML when the name ends in .toml. errc::bad_config with every fault, one a line, the file in front.
[[nodiscard]] expected<model_file> read_entity_model(const std::string& path);

}  // namespace troupe
