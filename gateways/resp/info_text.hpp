// The text of INFO: "# Section" and "key:value" lines, as tools that watch a Redis read it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <troupe/time.hpp>

#include "gateways/resp/environment.hpp"

namespace troupe::resp {

/// The sections named (none, "default", "all" or "everything": every one), in a fixed order; unknown
/// names give nothing, as in Redis.
[[nodiscard]] std::string info_text(const environment& e, const std::vector<std::string_view>& sections,
                                    time_point now);

}  // namespace troupe::resp
