// A model while it is read: entities whose relations still name others by their typeName.
#pragma once

#include <string>
#include <vector>

#include "runtime/entities/fault_list.hpp"
#include "runtime/entities/json_text.hpp"
#include "runtime/entities/model.hpp"

namespace troupe {

struct named_relation {
  std::string place;  // for faults
  std::string name;
  relation_kind kind = relation_kind::has_many;
  std::string to_entity;
  std::string own_field;     // as the model writes it; empty: by the rule
  std::string target_field;  // the same
};

struct named_reference {
  std::string place;
  std::string field;  // of the entity
  std::string to_entity;
  std::string to_field;
};

struct entity_draft {
  entity_spec spec;
  std::vector<named_relation> relations;
  std::vector<named_reference> references;
};

struct model_draft {
  std::vector<entity_draft> entities;
  fault_list faults;
  fault_list warnings;
};

/// One entry of "properties".
void read_property(const std::string& place, const std::string& name, const ordered_json& value, entity_draft& to,
                   model_draft& draft);

/// Keys of `value` that are none of `known` warn; false, and a fault, when it is no object.
[[nodiscard]] bool is_object_with(const std::string& place, const ordered_json& value,
                                  const std::vector<std::string_view>& known, model_draft& draft);

/// The text under `key`; empty when it is absent, and a fault when it is no text.
[[nodiscard]] std::string text_of(const std::string& place, const ordered_json& value, const char* key,
                                  model_draft& draft);

/// Relations and references become those of the spec; columns that they need and nobody has are added.
void link_entities(model_draft& draft);

}  // namespace troupe
