#include "runtime/membership/shown.hpp"

namespace troupe::membership {

member shown(const record& r, wall_time since) {
  return {r.name,
          r.id,
          r.told.pid,
          r.state,
          r.incarnation,
          r.address,
          r.told.services,
          r.told.tags,
          since,
          r.flapping.flaps(),
          r.flapping.quarantined(),
          r.told.protocol};
}

event_fields fields_of(const event& e) {
  event_fields fields{{"name", e.name}};
  if (!e.id.empty()) fields.emplace_back("id", to_string(e.id));
  if (!e.text.empty()) fields.emplace_back("reason", e.text);
  return fields;
}

event_fields fields_of(announcement a) {
  return {{"name", std::move(a.name)},
          {"payload", std::move(a.payload)},
          {"ltime", std::to_string(a.id.time)},
          {"origin", std::move(a.origin)}};
}

}  // namespace troupe::membership
