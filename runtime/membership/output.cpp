#include "runtime/membership/output.hpp"

namespace troupe::membership {

std::string_view name_of(event_kind k) noexcept {
  switch (k) {
    case event_kind::member_joined: return "member_joined";
    case event_kind::member_alive: return "member_alive";
    case event_kind::member_suspect: return "member_suspect";
    case event_kind::member_failed: return "member_failed";
    case event_kind::member_departing: return "member_departing";
    case event_kind::member_departed: return "member_departed";
    case event_kind::member_quarantined: return "member_quarantined";
    case event_kind::member_released: return "member_released";
    case event_kind::force_leave_refused: return "force_leave_refused";
    case event_kind::member_updated: return "member_updated";
    case event_kind::digest_changed: return "digest_changed";
    case event_kind::joined: return "joined";
    case event_kind::join_refused: return "join_refused";
    case event_kind::joiner_refused: return "joiner_refused";
    case event_kind::name_conflict: return "name_conflict";
    case event_kind::refuted: return "refuted";
    case event_kind::join_unanswered: return "join_unanswered";
    case event_kind::expelled: return "expelled";
    case event_kind::left: return "left";
  }
  return "unknown";
}

}  // namespace troupe::membership
