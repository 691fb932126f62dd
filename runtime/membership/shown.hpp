// Members and what happens to them as people are shown it: rows of troupe::member, events as names with fields.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <troupe/cluster.hpp>

#include "runtime/membership/announcement.hpp"
#include "runtime/membership/member.hpp"
#include "runtime/membership/output.hpp"

namespace troupe::membership {

using event_fields = std::vector<std::pair<std::string, std::string>>;

/// `since`: record::since on the calendar.
[[nodiscard]] member shown(const record& r, wall_time since);

/// Of an event that has name_of(e.kind): name, and id and reason where there are some.
[[nodiscard]] event_fields fields_of(const event& e);

/// Of a `user_event`: name, payload, ltime and origin.
[[nodiscard]] event_fields fields_of(announcement a);

}  // namespace troupe::membership
