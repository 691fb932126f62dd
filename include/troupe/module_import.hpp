// What modules need of each other (module.hpp): imports as they are asked for, and as they were found.
//
// A name is one namespace for all: a service of the program (db, cache, ...), a module's own name, and what a module
// exports besides it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace troupe {

enum class import_scope : std::uint8_t {
  here,      // at this node
  anywhere,  // at some member of the cluster, this node included
};

struct module_import {
  std::string name;
  import_scope from = import_scope::here;
  /// Without it the module does not run. One that is not required is only told.
  bool required = true;

  [[nodiscard]] bool operator==(const module_import&) const = default;
};

using export_variables = std::map<std::string, std::string>;

/// Something that others may import. A module exports its own name too, without being told to.
struct module_export {
  std::string name;
  export_variables variables{};  // e.g. an address; start may set them too (module_context::set_variables)

  [[nodiscard]] bool operator==(const module_export&) const = default;
};

/// A member that exports what was asked for.
struct import_source {
  std::string member;
  std::string address;  // of the member: "host:port" of its cluster port
  bool here = false;    // this node
  export_variables variables{};

  [[nodiscard]] bool operator==(const import_source&) const = default;
};

struct found_import {
  module_import asked;
  std::vector<import_source> sources{};  // this node first, then by the member's name

  [[nodiscard]] bool there() const noexcept { return !sources.empty(); }
  [[nodiscard]] bool operator==(const found_import&) const = default;
};

/// The one of this name; null when the module imports no such thing.
[[nodiscard]] inline const found_import* find_import(const std::vector<found_import>& all,
                                                     const std::string& name) noexcept {
  const auto at = std::find_if(all.begin(), all.end(), [&](const found_import& f) { return f.asked.name == name; });
  return at == all.end() ? nullptr : &*at;
}

}  // namespace troupe
