// Events and the types that a program knows of them (<troupe/caf_persistence.hpp>).
#include <exception>

#include <troupe/caf_persistence.hpp>

#include "actors/link/content_bytes.hpp"

namespace troupe {

expected<std::string> event_bytes(const caf::message& value, caf::actor_system& system) {
  return content_bytes(value, system);
}

expected<caf::message> event_value(const std::string& bytes, caf::actor_system& system) {
  return content_of(bytes, system);
}

expected<journal_event> event_catalogue::raised(journal_event e) const {
  for (std::size_t steps = 0; steps <= upcasts_max; ++steps) {
    const auto step = upcasts_.find({e.type, e.version});
    if (step != upcasts_.end()) {
      auto next = step->second(std::move(e));
      if (!next) return next;
      e = std::move(*next);
      continue;
    }
    const auto known = readers_.find(e.type);
    if (known == readers_.end()) return fail(errc::not_implemented, "events of type " + e.type + " are not known");
    const auto version = known->second.version;
    if (e.version == version || (e.version < version && known->second.reads_older)) return e;
    return fail(errc::not_implemented, e.type + " has version " + std::to_string(e.version) + ", known is " +
                                           std::to_string(version) +
                                           (e.version < version ? " and no upcast from there" : ""));
  }
  return fail(errc::not_implemented, e.type + ": its upcasts do not end");
}

expected<void> event_catalogue::apply(void* state, const journal_event& e, caf::actor_system& system) const {
  try {
    const auto now = raised(e);
    if (!now) return tl::unexpected<error>(now.error());
    return readers_.find(now->type)->second.apply(state, now->bytes, system);
  } catch (const std::exception& fault) {
    return fail(errc::corrupt, e.type + " cannot be applied: " + fault.what());
  }
}

expected<journal_event> event_catalogue::write(std::type_index type, const void* event,
                                               caf::actor_system& system) const {
  const auto known = writers_.find(type);
  if (known == writers_.end())
    return fail(errc::not_implemented, std::string("no rule for events of type ") + type.name());
  return known->second(event, system);
}

}  // namespace troupe
