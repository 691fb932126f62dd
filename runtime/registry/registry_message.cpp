#include "runtime/registry/registry_message.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/wire_fields.hpp"
#include "troupe/wire/registry.pb.h"

namespace troupe {

namespace {

constexpr std::size_t other_fields_max = 16;

tl::unexpected<error> corrupt(const char* why) { return fail(errc::corrupt, std::string("registry: ") + why); }

incarnation_id id_of(const wire::IncarnationId& w) noexcept { return {w.high(), w.low()}; }

void set_id(wire::IncarnationId& w, const incarnation_id& id) {
  w.set_high(id.high);
  w.set_low(id.low);
}

void write(wire::RegistryVersion& w, const registry_version& v) {
  set_id(*w.mutable_owner(), v.owner);
  w.set_version(v.version);
}

registry_version read(const wire::RegistryVersion& w) { return {id_of(w.owner()), w.version()}; }

/// Versions rise from `from` to `to`.
bool in_order(const wire::RegistryUpdate& w) {
  auto last = w.from();
  for (const auto& c : w.changes()) {
    if (c.version() <= last || c.version() > w.to() || !is_registry_key(c.key())) return false;
    if (w.from() == 0 && c.gone()) return false;
    last = c.version();
  }
  return w.to() > w.from();
}

registry_update read(wire::RegistryUpdate& w) {
  registry_update u{id_of(w.owner()), w.from(), w.to(), {}};
  u.changes.reserve(static_cast<std::size_t>(w.changes_size()));
  for (auto& c : *w.mutable_changes())
    u.changes.push_back({c.version(), {std::move(*c.mutable_key()), c.actor()}, c.gone()});
  return u;
}

}  // namespace

std::string encode(const registry_message& m) {
  wire::Registry w;
  std::size_t count = m.known.size() + m.wanted.size() + m.updates.size() + 1;
  for (const auto& v : m.known) write(*w.add_known(), v);
  for (const auto& v : m.wanted) write(*w.add_wanted(), v);
  for (const auto& u : m.updates) {
    auto& into = *w.add_updates();
    set_id(*into.mutable_owner(), u.owner);
    into.set_from(u.from);
    into.set_to(u.to);
    count += u.changes.size();
    for (const auto& c : u.changes) {
      auto& change = *into.add_changes();
      change.set_version(c.version);
      change.set_key(c.entry.key);
      change.set_actor(c.entry.actor);
      change.set_gone(c.gone);
    }
  }
  w.set_whole(m.whole);
  w.set_more(m.more);
  w.set_count(static_cast<std::uint32_t>(count));
  return w.SerializeAsString();
}

expected<registry_message> decode_registry_message(std::string_view bytes) {
  wire::Registry w;
  if (!has_at_most_fields(bytes, 3 * registry_owners_max + other_fields_max) ||
      !w.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return corrupt("cannot be read");
  const auto owners = [](const auto& rows) { return static_cast<std::size_t>(rows.size()); };
  if (owners(w.known()) > registry_owners_max || owners(w.wanted()) > registry_owners_max ||
      owners(w.updates()) > registry_owners_max)
    return corrupt("too many nodes");
  std::size_t changes = 0;
  for (const auto& u : w.updates()) changes += static_cast<std::size_t>(u.changes_size());
  if (changes > registry_changes_max) return corrupt("too many changes");
  if (owners(w.known()) + owners(w.wanted()) + owners(w.updates()) + changes + 1 != w.count())
    return corrupt("bad number of rows");
  if (!std::all_of(w.updates().begin(), w.updates().end(), [](const auto& u) { return in_order(u); }))
    return corrupt("an update that makes no sense");
  registry_message m;
  m.whole = w.whole();
  m.more = w.more();
  for (const auto& v : w.known()) m.known.push_back(read(v));
  for (const auto& v : w.wanted()) m.wanted.push_back(read(v));
  for (auto& u : *w.mutable_updates()) m.updates.push_back(read(u));
  return m;
}

}  // namespace troupe
