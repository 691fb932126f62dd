// What a node knows of a module before it starts, and what may be wrong with that: names, twins, imports of itself,
// circles. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/module_import.hpp>
#include <troupe/time.hpp>

namespace troupe {

inline constexpr std::size_t modules_max = 64;
inline constexpr std::size_t module_name_max = 40;  // of a module and of an export
inline constexpr std::size_t module_exports_max =
    16;  // of all modules of a node, their names counted: they are gossiped
inline constexpr std::size_t module_imports_max = 32;  // of one module

struct module_limits {
  duration health_interval = std::chrono::seconds(5);
  duration health_limit = std::chrono::seconds(5);
  duration start_limit = std::chrono::seconds(30);
  duration stop_limit = std::chrono::seconds(5);
  std::uint32_t restarts_max = 10;  // failed starts within restart_window
};

struct module_spec {
  std::string name;
  std::vector<std::string> exports{};  // besides its name
  std::vector<module_import> imports{};
  std::map<std::string, export_variables> variables{};  // that it has from its start on, by export
  bool wanted = true;                                   // it is to run at this node
  bool required_for_ready = false;
  bool checked = false;  // it has a health check
  module_limits limits{};
};

/// Whether the module exports this name; its own counts.
[[nodiscard]] bool exports(const module_spec& m, std::string_view name);

/// Every fault of the modules of one program, a sentence each; `services` are those of the program itself.
[[nodiscard]] std::vector<std::string> faults_of(const std::vector<module_spec>& all,
                                                 const std::vector<std::string>& services);

/// Names of modules that cannot start because each requires the next one, the first again at the end; empty: there are
/// none. `anywhere`: imports from anywhere count too, though another node may provide.
[[nodiscard]] std::vector<std::string> circle_of(const std::vector<module_spec>& all, bool anywhere);

/// "a -> b -> a".
[[nodiscard]] std::string arrows(const std::vector<std::string>& names);

}  // namespace troupe
