// What modules can import, as a node sees it: the services of the program here, and what the other members run or
// export. Made from the picture of the cluster; the node's own modules are the machine's.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/cluster.hpp>
#include <troupe/error.hpp>
#include <troupe/module_import.hpp>

namespace troupe {

/// Variables of an export are a tag of the member: "export.NAME".
inline constexpr std::string_view export_tag = "export.";
inline constexpr std::size_t export_text_max = 256;  // of one export's variables, as text

struct member_export {
  import_source source;
  bool steady = true;  // alive and not flapping: enough to start for, not only to go on
};

struct module_world {
  std::string node;                             // this one's name
  std::string address;                          // and its cluster port
  std::map<std::string, std::string> services;  // of the program, here: why it does not run; "" if it does
  std::map<std::string, std::vector<member_export>> elsewhere;  // by name, by the member's name
  bool others = false;                                          // live members beside this one
};

/// `services` are those of the program: what else the picture lists are modules.
[[nodiscard]] module_world world_of(const cluster_view& v, const std::vector<std::string>& services);

/// "address=10.0.0.1%3a9000;weight=3". errc::invalid_argument for a key that is empty or has other than letters,
/// digits, . _ -; errc::too_large beyond export_text_max.
[[nodiscard]] expected<std::string> text_of(const export_variables& v);
/// What cannot be read is left out.
[[nodiscard]] export_variables read_export_variables(std::string_view text);

}  // namespace troupe
