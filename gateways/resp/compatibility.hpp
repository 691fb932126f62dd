// What a client is told that looks for a Redis: clients switch features by this version.
#pragma once

#include <string_view>

namespace troupe::resp {

inline constexpr std::string_view compatible_version = "7.0.0";

}  // namespace troupe::resp
