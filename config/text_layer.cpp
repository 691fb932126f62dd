#include "config/text_layer.hpp"

#include <algorithm>

#include "config/text.hpp"
#include "config/value.hpp"

namespace troupe {
namespace {

constexpr std::string_view test_prefix = "TROUPE_TEST_";

std::string in_capitals(std::string_view name) {
  std::string out(name);
  for (char& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c == '-' ? '_' : c;
  return out;
}

std::string in_small_letters(std::string_view name) {
  std::string out(name);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

std::string variable_of(std::string_view section, std::string_view name) {
  return std::string(variable_prefix) + in_capitals(section) + "_" + in_capitals(name);
}

bool names(std::string_view variable, const key& k) {
  return variable == variable_of(k.section, k.name) ||
         (!k.alias.empty() && variable == variable_of(k.section, k.alias));
}

/// TROUPE_SERVICE_HOST, TROUPE_HTTP_PORT_8080_TCP_ADDR, TROUPE_PORT=tcp://10.0.0.1:80: what Kubernetes
/// sets for each service. No key of ours ends so.
bool is_service_link(std::string_view name, std::string_view value) {
  const auto has = [&](std::string_view part) { return name.find(part) != std::string_view::npos; };
  if (name.ends_with("_SERVICE_HOST") || name.ends_with("_SERVICE_PORT") || has("_SERVICE_PORT_")) return true;
  const std::size_t port = name.find("_PORT_");
  const bool numbered = port != std::string_view::npos && port + 6 < name.size() && name[port + 6] >= '0' &&
                        name[port + 6] <= '9' && (has("_TCP") || has("_UDP") || has("_SCTP"));
  return numbered || (name.ends_with("_PORT") && value.find("://") != std::string_view::npos);
}

void store(draft& d, const key& k, const std::string& block, const std::string& place, std::string_view text) {
  const verdict wrong = store_text(k, k.in(d.values, block), text);
  if (wrong.empty()) {
    d.places[path_of(k, block)] = place;
  } else {
    d.fault(place + ": " + wrong);
  }
}

/// The cache that NAME of TROUPE_CACHES_NAME_KEY stands for; empty when two fit.
std::string cache_of(const draft& d, std::string_view capitals) {
  std::string found;
  for (const auto& [name, unused] : d.values.caches) {
    if (in_capitals(name) != capitals) continue;
    if (!found.empty()) return {};
    found = name;
  }
  return found.empty() ? in_small_letters(capitals) : found;
}

/// True when the variable is one of a named cache; it has been applied then, or is a fault.
bool apply_cache_variable(draft& d, const std::string& name, const std::string& value) {
  const std::string prefix = variable_of(caches_section, "");
  for (const key& k : keys()) {
    const std::string suffix = "_" + in_capitals(k.name);
    const bool fits = k.section == caches_section && name.starts_with(prefix) && name.ends_with(suffix) &&
                      name.size() > prefix.size() + suffix.size();
    if (!fits) continue;
    const std::string capitals = name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
    const std::string block = cache_of(d, capitals);
    if (block.empty()) {
      d.fault(name + ": two caches have this name in capitals; use --set caches.NAME." + std::string(k.name));
    } else if (!is_name(block, "_-")) {
      d.fault(name + ": a cache's name has 1 to 64 letters, digits, _ or -");
    } else {
      store(d, k, block, name, value);
    }
    return true;
  }
  return false;
}

/// TROUPE_MODULES_NAME_KEY. NAME is one that a layer below has named, the longest that fits, or ends at the first
/// line; the module says whether it has such a key.
bool apply_module_variable(draft& d, const std::string& name, const std::string& value) {
  const std::string prefix = variable_of(modules_section, "");
  if (!name.starts_with(prefix)) return false;
  const std::string_view rest = std::string_view(name).substr(prefix.size());
  std::string module;
  for (const auto& [each, unused] : d.values.modules) {
    if (rest.starts_with(in_capitals(each) + "_") && each.size() > module.size()) module = each;
  }
  if (module.empty()) module = in_small_letters(rest.substr(0, rest.find('_')));
  if (!is_name(module, "_-") || rest.size() < module.size() + 2) {
    d.fault(one_line(name) + ": is no TROUPE_MODULES_NAME_KEY");
  } else if (!is_utf8(value)) {
    d.fault(name + ": is not UTF-8");
  } else {
    d.values.modules[module][in_small_letters(rest.substr(module.size() + 1))] = {{value}, false};
    d.places.emplace("modules." + module, name);
  }
  return true;
}

std::string suggest_variable(std::string_view name) {
  string_list variables;
  for (const key& k : keys()) {
    if (k.section != caches_section) variables.push_back(variable_of(k.section, k.name));
  }
  return did_you_mean(name, variables);
}

void apply_variable(draft& d, const std::string& name, const std::string& value) {
  const auto k =
      std::find_if(keys().begin(), keys().end(), [&](const key& candidate) { return names(name, candidate); });
  if (k != keys().end() && k->section != caches_section) return store(d, *k, {}, name, value);
  if (apply_cache_variable(d, name, value)) return;
  if (!is_service_link(name, value) && apply_module_variable(d, name, value)) return;
  if (is_service_link(name, value) || name.starts_with(test_prefix)) return;
  d.fault(one_line(name) + ": unknown variable" + (d.is_full() ? "" : suggest_variable(name)));
}

void apply_tag(draft& d, const std::string& place, std::string_view tag, std::string_view value) {
  if (!is_utf8(value)) return d.fault(place + ": is not UTF-8");
  d.values.node.tags[std::string(tag)] = value;
  d.places["node.tags"] = place;
}

void apply_module_setting(draft& d, const std::string& place, std::string_view name, const std::string& value) {
  const std::size_t dot = name.find('.');
  const std::string module(name.substr(0, dot));
  const std::string_view key = dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
  if (!is_name(module, "_-") || !is_name(key, "._-")) {
    return d.fault(place + ": the key of a module is modules.NAME.key");
  }
  if (!is_utf8(value)) return d.fault(place + ": is not UTF-8");
  d.values.modules[module][std::string(key)] = {{value}, false};
  d.places.emplace("modules." + module, place);
}

void apply_setting(draft& d, std::string_view path, const std::string& value) {
  const bool is_plain = is_name(path, "._-") || (path.size() > 64 && is_name(path.substr(0, 64), "._-"));
  const std::string place = "--set " + (is_plain ? std::string(path) : in_quotes(path));
  const std::size_t dot = path.find('.');
  const std::string section(path.substr(0, dot));
  if (dot == std::string_view::npos)
    return d.fault(place + ": a key has its section before it" + suggest_key({}, path));
  if (!is_section(section)) return d.fault(place + ": unknown section" + suggest_section(section));

  std::string_view name = path.substr(dot + 1);
  if (section == modules_section) return apply_module_setting(d, place, name, value);
  std::string block;
  if (section == caches_section) {
    const std::size_t last = name.rfind('.');
    if (last == std::string_view::npos) return d.fault(place + ": the key of a cache is caches.NAME.key");
    block = name.substr(0, last);
    name = name.substr(last + 1);
    if (!is_name(block, "_-")) return d.fault(place + ": a cache's name has 1 to 64 letters, digits, _ or -");
  }
  constexpr std::string_view tags = "tags.";
  if (section == "node" && name.starts_with(tags)) return apply_tag(d, place, name.substr(tags.size()), value);
  const key* k = find_key(section, name);
  if (k == nullptr) return d.fault(place + ": unknown key" + suggest_key(section, name, block));
  store(d, *k, block, place, value);
}

}  // namespace

void apply_environment(draft& d, const text_pairs& environment) {
  const auto given = [&environment](const std::string& variable) {
    return std::any_of(environment.begin(), environment.end(), [&](const auto& e) { return e.first == variable; });
  };
  for (const key& k : keys()) {
    if (k.alias.empty()) continue;
    const auto name = variable_of(k.section, k.name), alias = variable_of(k.section, k.alias);
    if (given(name) && given(alias)) d.fault(alias + ": given twice, as " + name + " too");
  }
  for (const auto& [name, value] : environment) {
    if (name.starts_with(variable_prefix)) apply_variable(d, name, value);
  }
}

void apply_settings(draft& d, const text_pairs& settings) {
  for (const auto& [path, value] : settings) apply_setting(d, path, value);
}

}  // namespace troupe
