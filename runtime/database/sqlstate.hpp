// What a caller of ours is told for an error of PostgreSQL (its manual, appendix A).
#pragma once

#include <string_view>

#include <troupe/error.hpp>

namespace troupe {

/// The code of ours for the five characters of a SQLSTATE; unavailable for none.
[[nodiscard]] errc code_of_sqlstate(std::string_view state) noexcept;

/// The server is going down or starting, or takes no writes (any more): another connection may do.
[[nodiscard]] bool spoils_connection(std::string_view state) noexcept;

/// What the connection has prepared is of no use any more. `place`: the function of the server that says so; its
/// words may be of any language.
[[nodiscard]] bool spoils_prepared(std::string_view state, std::string_view place) noexcept;

inline constexpr std::string_view sqlstate_cancelled = "57014";
inline constexpr std::string_view sqlstate_read_only = "25006";
inline constexpr std::string_view sqlstate_already_failed = "25P02";  // a statement before it in its transaction

}  // namespace troupe
