// Reads a model of entities from JSON: the format of the generator that troupe replaces, with all its keys. What is
// wrong is listed whole, each fault with its place (Book.properties.Title.type); keys that nobody knows only warn.
//
//   {"entities": [{"typeName": "Book",
//     "properties": {"Title": {"type": "string", "required": true, "index": "nonUnique", "selectable": "eq,like"}},
//     "compositeIndexes": [{"index": "title, year"}],
//     "relations": [{"relName": "ToLibrary", "properties": {"relType": "belongsTo", "toEntity": "Library"}}]}]}
//
// The whole format: docs/ENTITIES.md.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>

#include "runtime/entities/model.hpp"

namespace troupe {

inline constexpr std::size_t model_bytes_max = 4 << 20;
inline constexpr std::size_t model_entities_max =
    128;  // each has 7 statements with names, see database::statements_max
inline constexpr std::size_t entity_properties_max = 100;
inline constexpr std::size_t entity_indices_max = 32;  // composite ones
inline constexpr std::size_t entity_relations_max = 32;

struct model_file {
  entity_model model;
  std::vector<std::string> warnings;
};

/// errc::bad_config with every fault, one a line.
[[nodiscard]] expected<model_file> read_model(std::string_view json);

}  // namespace troupe
