// troupe's errors as CAF's and back (to_caf, from_caf of <troupe/caf.hpp>): the only place where the two meet. In CAF
// an error is a code, the category "troupe" and the context as a string.
#pragma once

#include <caf/actor_system_config.hpp>
#include <caf/error.hpp>

#include <troupe/caf.hpp>
#include <troupe/error.hpp>

namespace troupe {

/// Lets `caf::error e = errc::peer_lost` and request/then error handlers work.
[[nodiscard]] caf::error make_error(errc code);

/// True for an error that to_caf or make_error made.
[[nodiscard]] bool is_ours(const caf::error& e) noexcept;

/// CAF's own log lines then show our codes by name.
void add_error_category(caf::actor_system_config& c);

}  // namespace troupe
