#include "runtime/database/sqlstate.hpp"

#include <array>

namespace troupe {
namespace {

struct rule {
  std::string_view prefix;
  errc code;
};

// The first that fits.
constexpr std::array<rule, 22> rules{{
    {"23505", errc::already_exists},    {"23P01", errc::already_exists},    {"23503", errc::missing_reference},
    {"40001", errc::conflict},          {"40P01", errc::conflict},          {"55P03", errc::conflict},
    {"42501", errc::access_denied},     {"28", errc::access_denied},        {"53100", errc::storage_failed},
    {"53200", errc::out_of_memory},     {"53", errc::unavailable},          {"54", errc::too_large},
    {"57014", errc::deadline_exceeded}, {"57", errc::unavailable},          {"58", errc::storage_failed},
    {"08", errc::unavailable},          {"XX001", errc::corrupt},           {"XX002", errc::corrupt},
    {"25006", errc::unavailable},       {"25P03", errc::deadline_exceeded}, {"40", errc::conflict},
    {"3D", errc::bad_config},
}};

}  // namespace

errc code_of_sqlstate(std::string_view state) noexcept {
  if (state.empty()) return errc::unavailable;
  for (const auto& r : rules)
    if (state.starts_with(r.prefix)) return r.code;
  return errc::invalid_argument;
}

bool spoils_connection(std::string_view state) noexcept {
  return state.starts_with("57P") || state.starts_with("08") || state == sqlstate_read_only || state == "25P03";
}

bool spoils_prepared(std::string_view state, std::string_view place) noexcept {
  return state == "26000" || (state == "0A000" && place == "RevalidateCachedQuery");
}

}  // namespace troupe
