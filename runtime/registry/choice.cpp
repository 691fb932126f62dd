#include "runtime/registry/choice.hpp"

#include <algorithm>
#include <string_view>

namespace troupe {

namespace {

bool is_listed(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    if (list.substr(0, comma) == word) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

bool allows(const where& w, const member& m) {
  if (!w.member.empty() && m.name != w.member) return false;
  if (!w.role_of.empty() && !has_role(m, w.role_of)) return false;
  return std::all_of(w.tags.begin(), w.tags.end(), [&](const auto& tag) {
    const auto at = m.tags.find(tag.first);
    return at != m.tags.end() && at->second == tag.second;
  });
}

error why_none(const cluster_view& view, const where& w) {
  if (w.member.empty()) {
    return {errc::not_found,
            w.role_of.empty() ? "no member takes part in actors here" : "no member has the role " + w.role_of};
  }
  for (const auto& m : view.members) {
    if (m.name != w.member) continue;
    if (!takes_part(m) && m.tags.contains(actors_tag))
      return {errc::unavailable, "the member " + m.name + " is " + std::string(name_of(m.state))};
    if (!takes_part(m)) return {errc::unavailable, "the member " + m.name + " runs no actors of applications"};
    return {errc::not_found, "the member " + m.name + " has not that role or these tags"};
  }
  return {errc::not_found, "there is no member " + w.member};
}

}  // namespace

bool has_role(const member& m, const std::string& role) {
  if (std::find(m.services.begin(), m.services.end(), role) != m.services.end()) return true;
  const auto listed = m.tags.find("role");
  return listed != m.tags.end() && is_listed(listed->second, role);
}

bool takes_part(const member& m) {
  return (m.state == member_state::alive || m.state == member_state::suspect) && m.tags.contains(actors_tag);
}

expected<std::vector<candidate>> choose(const cluster_view& view, const where& w, const distances& far, random& rng) {
  std::vector<candidate> found;
  for (const auto& m : view.members) {
    if (!takes_part(m) || !allows(w, m)) continue;
    if (w.how == where::pick::here && m.id != view.id) continue;
    found.push_back({m.name, m.id, m.address});
  }
  if (found.empty()) return tl::unexpected<error>(why_none(view, w));
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  if (w.how == where::pick::any || w.how == where::pick::least_loaded) rng.shuffle(found);
  if (w.how == where::pick::nearest) {
    const auto distance = [&](const candidate& c) {
      if (c.id == view.id) return duration::zero();
      const auto at = far.find(c.name);
      return at == far.end() ? duration::max() : std::max(at->second, duration(1));
    };
    std::stable_sort(found.begin(), found.end(),
                     [&](const auto& a, const auto& b) { return distance(a) < distance(b); });
  }
  return found;
}

}  // namespace troupe
