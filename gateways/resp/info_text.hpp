// The text of INFO: "# Section" and "key:value" lines, as tools that watch a Redis read it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <troupe/ids.hpp>
#include <troupe/time.hpp>

#include "gateways/resp/environment.hpp"

namespace troupe::resp {

/// The sections named (none or "default": the usual ones, "all" or "everything": every one), in a fixed
/// order; unknown names give nothing, as in Redis.
[[nodiscard]] std::string info_text(environment& e, const std::vector<std::string_view>& sections, time_point now);

/// An incarnation as Redis writes ids of runs and of a cluster's nodes: 40 hexadecimal letters.
inline constexpr std::size_t run_id_letters = 40;
[[nodiscard]] std::string run_id(const incarnation_id& id);

}  // namespace troupe::resp
