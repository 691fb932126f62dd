// Tags of a member as an operator changes them while it runs: the rules of names and values are those of
// node.tags in the configuration. A role is no thing of its own: it is the services that a member runs, and
// where that does not say it, the tag `role`.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <troupe/error.hpp>

namespace troupe::membership {

inline constexpr std::size_t live_tags_max = 16;
inline constexpr std::size_t live_tag_value_max = 128;

struct tag_change {
  std::map<std::string, std::string> set;
  std::vector<std::string> erase;  // names; what is not there is passed over
};

/// `tags` after the change. errc::invalid_argument for a bad name or value, errc::too_large beyond a limit.
[[nodiscard]] expected<std::map<std::string, std::string>> changed(std::map<std::string, std::string> tags,
                                                                   const tag_change& c);

}  // namespace troupe::membership
