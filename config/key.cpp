#include "config/key.hpp"

#include <algorithm>

#include "config/key_rows.hpp"
#include "config/text.hpp"

namespace troupe {
namespace {

/// A right name in the wrong section is likelier than three slips in the right one.
constexpr std::size_t other_section_penalty = 1;

std::string names_in(std::string_view wanted) {
  string_list names;
  for (const key& k : keys()) {
    if (k.section == wanted) names.emplace_back(k.name);
  }
  return joined(names);
}

}  // namespace

std::vector<key> joined_rows(std::initializer_list<std::vector<key>> groups) {
  std::vector<key> rows;
  for (const std::vector<key>& more : groups) rows.insert(rows.end(), more.begin(), more.end());
  return rows;
}

const std::vector<key>& keys() {
  static const std::vector<key> table = joined_rows({keys_of_cluster(), keys_of_services()});
  return table;
}

const std::vector<section>& sections() {
  static const std::vector<section> table = {
      {"node", "This process."},
      {"cluster", "The nodes that belong together, and the port on which they talk."},
      {"gossip", "Membership (SWIM): who is there, and who no longer is."},
      {"election", "Who leads, and for how long on one word."},
      {"kvs", "Where leadership is written down."},
      {"http", "The HTTP door."},
      {"resp", "The Redis-protocol door."},
      {"cache", "The sharded cache, and what its named caches inherit."},
      {caches_section,
       "One block for each named cache, [caches.NAME]; NAME: letters, digits, _ - up to 64. The cache default exists "
       "without one."},
      {"db", "The database service."},
      {"entities", "Rows by a model file."},
      {"events", "Programs that run when something happens."},
      {modules_section,
       "One block for each module that an application brings, [modules.NAME], with the module's own keys: texts, "
       "numbers, true or false, lists of them. The program alone has no modules."},
      {"log", "One line an event."},
  };
  return table;
}

const key* find_key(std::string_view section, std::string_view name) noexcept {
  for (const key& k : keys()) {
    if (k.section == section && (k.name == name || (!k.alias.empty() && k.alias == name))) return &k;
  }
  return nullptr;
}

bool is_section(std::string_view name) noexcept {
  return std::any_of(sections().begin(), sections().end(), [&](const section& s) { return s.name == name; });
}

std::string path_of(const key& k, std::string_view block) {
  std::string path(k.section);
  if (k.section == caches_section) path.append(".").append(block.empty() ? "NAME" : block);
  return path.append(".").append(k.name);
}

std::string suggest_key(std::string_view section, std::string_view name, std::string_view block) {
  const key* nearest = nullptr;
  std::size_t best = 0;
  for (const key& k : keys()) {
    const std::size_t distance =
        edit_distance(name, k.name) + (k.section == section || section.empty() ? 0 : other_section_penalty);
    if (nearest == nullptr || distance < best || (distance == best && k.section == section)) {
      nearest = &k;
      best = distance;
    }
  }
  if (is_near(best, name.size())) {
    return "; did you mean " + path_of(*nearest, nearest->section == section ? block : "") + "?";
  }
  if (!is_section(section) || section == modules_section) return {};
  return "; [" + std::string(section) + "] has " + names_in(section);
}

std::string suggest_section(std::string_view name) {
  string_list names;
  for (const section& s : sections()) names.push_back("[" + std::string(s.name) + "]");
  const std::string nearest = did_you_mean("[" + std::string(name) + "]", names);
  return nearest.empty() ? "; there are " + joined(names, " ") : nearest;
}

}  // namespace troupe
