// The content of an actor message as bytes for whoever reads them, wherever and whenever that is: without handles.
#pragma once

#include <string>
#include <string_view>

#include <caf/actor_system.hpp>
#include <caf/message.hpp>

#include <troupe/error.hpp>

namespace troupe {

/// errc::invalid_argument for a content that cannot be written: empty, with an unregistered type, a float or a handle.
[[nodiscard]] expected<std::string> content_bytes(const caf::message& content, const caf::actor_system& system);

/// errc::corrupt, errc::not_implemented (a type that is not registered here, or reads otherwise).
[[nodiscard]] expected<caf::message> content_of(std::string_view bytes, caf::actor_system& system);

}  // namespace troupe
