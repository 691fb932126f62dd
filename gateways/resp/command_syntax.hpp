// The arguments of a command, read from one line of text:
//
//   name:k          a value; k key, i integer, d double, p pattern, u unix time, none a string
//   TOKEN           the word itself; followed by a value or a group, the word before it
//   [ ... ]         may be left out
//   ( ... )         belongs together; a | b is one of them
//   x...            once or more; x...+ with its token each time
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace troupe::resp {

struct syntax_node {
  std::string name;
  std::string_view type;  // as COMMAND DOCS names it: "string", "key", ..., "pure-token", "oneof", "block"
  std::string_view token;
  bool optional = false;
  bool multiple = false;
  bool multiple_token = false;
  std::vector<syntax_node> children;
};

/// Of a sound text, which is ours: the tests read every one.
[[nodiscard]] std::vector<syntax_node> parse_syntax(std::string_view text);

/// For people: without the letters of types.
[[nodiscard]] std::string shown_syntax(std::string_view text);

}  // namespace troupe::resp
