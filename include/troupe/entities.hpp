// What an embedder adds to the entities service: functions that see a row on its way in and out. They are given to
// node::start by the entity's typeName, and run on a thread of the node: they must not block or throw.
//
//   before_validation -> the model's rules -> before_write -> the database -> after_read -> the answer
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include <troupe/error.hpp>
#include <troupe/sql_value.hpp>

namespace troupe {

/// The fields of a row by their JSON names (library_id); a patch holds only those that it changes.
using entity_fields = std::map<std::string, sql_value>;

enum class entity_operation : std::uint8_t { create, replace, patch, read };

struct entity_call {
  std::string entity;  // its typeName
  entity_operation operation = entity_operation::read;
  std::int64_t id = 0;  // 0: not given yet
};

struct entity_extension {
  /// An error refuses the request: the client gets its code and context.
  std::function<expected<void>(const entity_call&, entity_fields&)> before_validation;
  /// After the model's rules; what it changes is checked against them once more.
  std::function<expected<void>(const entity_call&, entity_fields&)> before_write;
  /// Of each row that is answered, those just written too. Properties that are not stored may be set here. Fields that
  /// the model does not have are left out.
  std::function<void(const entity_call&, entity_fields&)> after_read;
};

/// By typeName.
using entity_extensions = std::map<std::string, entity_extension>;

}  // namespace troupe
