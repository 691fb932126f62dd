// troupe's errors as CAF's and back: the only place where the two meet. In CAF an error is a code,
// the category "troupe" and the context as a string.
#pragma once

#include <caf/actor_system_config.hpp>
#include <caf/error.hpp>

#include <troupe/error.hpp>

namespace troupe {

/// Lets `caf::error e = errc::peer_lost` and request/then error handlers work.
[[nodiscard]] caf::error make_error(errc code);
[[nodiscard]] caf::error to_caf(const error& e);

/// What a caf::error of any category means to us: its own code when it is ours, otherwise the
/// nearest one (a receiver that is gone or a broken promise is unavailable, a time-out outcome_unknown).
[[nodiscard]] error from_caf(const caf::error& e);

/// CAF's own log lines then show our codes by name.
void add_error_category(caf::actor_system_config& c);

}  // namespace troupe
