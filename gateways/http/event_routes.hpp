// GET /v1/events: the events of this node as server-sent events (WHATWG HTML, section 9.2).
#pragma once

#include <memory>

#include "actors/event_hub.hpp"
#include "gateways/http/event_stream.hpp"
#include "gateways/http/routes.hpp"

namespace troupe {

/// `hub` must outlive the table and its streams.
[[nodiscard]] expected<void> add_event_routes(http_routes& to, event_hub& hub,
                                              std::shared_ptr<event_stream_counts> counts);

}  // namespace troupe
