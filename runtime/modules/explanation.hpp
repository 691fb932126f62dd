// Why a module, or whatever else may be imported, does not run: the path of what is not there, down to what it hangs
// on, as a person would follow it by hand. What other nodes know of it, they are asked for.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

class module_machine;

/// The query by which nodes ask each other; its payload is the name, the answer short_reason.
inline constexpr std::string_view why_query = "troupe:why";

struct explanation {
  struct line {
    std::size_t depth = 0;
    std::string text;
  };
  std::string name;
  std::string state;
  std::string reason;
  bool runs = false;
  std::vector<line> path;            // empty when it runs
  std::vector<std::string> ask_for;  // what other members might export and do not
};

/// Nothing: nothing here is, exports or imports something of that name.
[[nodiscard]] std::optional<explanation> explain(const module_machine& m, const std::string& name);

/// "shop is waiting: it needs db here: db is degraded"; empty when nothing here is or exports it.
[[nodiscard]] std::string short_reason(const module_machine& m, const std::string& name);

}  // namespace troupe
