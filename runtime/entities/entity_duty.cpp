#include "runtime/entities/entity_duty.hpp"

#include <algorithm>

#include "runtime/entities/names.hpp"

namespace troupe {

namespace {

constexpr std::string_view mark_of_on = "entities/";
constexpr std::string_view mark_of_off = "entities/-";

bool names(const std::vector<std::string>& list, const entity_spec& e) {
  return std::any_of(list.begin(), list.end(), [&](const std::string& name) { return lower_case(name) == e.path; });
}

bool has_model(const member& m, const incarnation_id& self) {
  const bool live = m.state == member_state::alive || m.state == member_state::suspect;
  return live && m.id != self && !m.address.empty() && tells_entity(m.services, "");
}

int rank_of(const member& m, std::string_view path) {
  if (!tells_entity(m.services, path)) return 2;
  return m.state != member_state::alive || m.quarantined ? 1 : 0;
}

}  // namespace

std::string entity_service_name(std::string_view path) { return std::string(mark_of_on).append(path); }

entity_duty entity_duty::of(const entity_model& model, const std::vector<std::string>& on,
                            const std::vector<std::string>& off) {
  entity_duty d;
  for (const auto& e : model.entities) d.on_[e.path] = on.empty() ? !names(off, e) : names(on, e);
  return d;
}

bool entity_duty::is_on(std::string_view path) const {
  const auto found = on_.find(path);
  return found != on_.end() && found->second;
}

std::size_t entity_duty::count(bool on) const {
  return static_cast<std::size_t>(
      std::count_if(on_.begin(), on_.end(), [on](const auto& row) { return row.second == on; }));
}

expected<void> entity_duty::check() const {
  if (std::min(count(true), count(false)) <= entity_marks_max) return {};
  return fail(errc::too_large, "a node tells the others of at most " + std::to_string(entity_marks_max) +
                                   " entities that are on, or of as many that are off");
}

expected<bool> entity_duty::turn(std::string_view path, bool on) {
  const auto found = on_.find(path);
  if (found == on_.end()) return fail(errc::not_found, "the model has no such entity");
  if (found->second == on) return false;
  found->second = on;
  if (auto good = check(); !good) {
    found->second = !on;
    return tl::unexpected(std::move(good.error()));
  }
  return true;
}

std::vector<std::string> entity_duty::marks() const {
  const auto on = count(true);
  const auto off = count(false);
  if (off == 0) return {};
  if (on == 0) return {std::string(mark_of_on)};
  const bool of_on = on <= off;
  std::vector<std::string> told;
  for (const auto& [path, is_on] : on_) {
    if (is_on == of_on) told.push_back(std::string(of_on ? mark_of_on : mark_of_off).append(path));
  }
  return told;
}

bool tells_entity(const std::vector<std::string>& services, std::string_view path) {
  bool runs = false;
  bool only_marked = false;
  for (const std::string_view s : services) {
    runs = runs || s == entities_service;
    if (!s.starts_with(mark_of_on)) continue;
    if (s.starts_with(mark_of_off)) {
      if (!path.empty() && s.substr(mark_of_off.size()) == path) return false;
      continue;
    }
    if (!path.empty() && s.substr(mark_of_on.size()) == path) return true;
    only_marked = true;
  }
  return runs && (path.empty() || !only_marked);
}

std::vector<const member*> places_of_entity(const cluster_view& v, std::string_view path, std::uint64_t turn) {
  std::vector<const member*> places;
  for (const auto& m : v.members) {
    if (has_model(m, v.id)) places.push_back(&m);
  }
  if (places.empty()) return places;
  const auto first = static_cast<std::ptrdiff_t>(turn % places.size());
  std::rotate(places.begin(), places.begin() + first, places.end());
  std::stable_sort(places.begin(), places.end(),
                   [path](const member* a, const member* b) { return rank_of(*a, path) < rank_of(*b, path); });
  if (places.size() > entity_places_max) places.resize(entity_places_max);
  return places;
}

}  // namespace troupe
