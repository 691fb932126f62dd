// Where a browser says that a request comes from.
#pragma once

#include <string_view>

#include "gateways/http/message.hpp"

namespace troupe {

/// A page of another site may ask this host, a loopback one included, and its browser says so. Programs say nothing.
[[nodiscard]] inline bool is_from_elsewhere(const http_request& request) {
  const std::string_view origin = request.field("Origin");
  const auto scheme = origin.find("://");
  return !origin.empty() && (scheme == origin.npos || origin.substr(scheme + 3) != request.field("Host"));
}

}  // namespace troupe
