// Takes an array reply apart into the replies in it, without reading them. RESP2 and RESP3.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace troupe::resp {

/// None when `reply` is no array, or cut off.
[[nodiscard]] std::optional<std::vector<std::string_view>> items_of(std::string_view reply);

}  // namespace troupe::resp
