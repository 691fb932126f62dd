// The graph of the machine: who exports what somebody imports, and who needs whom.
#include <algorithm>

#include "runtime/modules/module_machine.hpp"

namespace troupe {

namespace {

std::string at(import_scope s) { return s == import_scope::here ? " here" : " at some node"; }

}  // namespace

std::string module_machine::missing(std::size_t m, const module_import& i, bool steadily) const {
  const auto needs = "it needs " + i.name + at(i.from) + ": ";
  std::string why;
  if (const auto s = world_.services.find(i.name); s != world_.services.end()) {
    if (s->second.empty()) return {};
    why = i.name + " " + s->second;
  }
  for (std::size_t other = 0; other < rows_.size(); ++other) {
    const auto& r = rows_[other];
    if (other == m || !exports(r.spec, i.name)) continue;
    if (gives(r)) return {};
    why = "module " + r.spec.name +
          (r.state == module_state::stopped && !r.spec.wanted ? " is not among node.services"
                                                              : " is " + std::string(name_of(r.state)));
  }
  if (i.from == import_scope::here) {
    return needs + (why.empty() ? "nothing at this node exports it" : why);
  }
  const auto found = world_.elsewhere.find(i.name);
  const bool some = found != world_.elsewhere.end() && !found->second.empty();
  if (some && !steadily) return {};
  if (some && std::any_of(found->second.begin(), found->second.end(), [](const auto& e) { return e.steady; }))
    return {};
  if (some) return needs + found->second.front().source.member + " has it, but is not steadily there";
  return needs + (why.empty() ? "no member exports it" : "no other member exports it, and here " + why);
}

std::string module_machine::first_missing(std::size_t m, bool steadily) const {
  for (const auto& i : rows_[m].spec.imports) {
    if (!i.required) continue;
    if (auto why = missing(m, i, steadily); !why.empty()) return why;
  }
  return {};
}

// Hooks that are overdue hold nobody up.
bool module_machine::lives(const row& r) const {
  const auto under_way = [&r](module_hook h) {
    const auto at_hook = r.hooks.find(h);
    return at_hook != r.hooks.end() && at_hook->second.pending && !at_hook->second.overdue;
  };
  return r.started || under_way(module_hook::start) || under_way(module_hook::stop);
}

const module_machine::row* module_machine::needed_by(std::size_t m) const {
  for (std::size_t other = 0; other < rows_.size(); ++other) {
    const auto& r = rows_[other];
    if (other == m || !lives(r)) continue;
    for (const auto& i : r.spec.imports) {
      if (!exports(rows_[m].spec, i.name)) continue;
      if (stopping_ || (i.required && !missing(other, i, false).empty())) return &r;
    }
  }
  return nullptr;
}

std::vector<found_import> module_machine::resolve(std::size_t m) const {
  std::vector<found_import> all;
  for (const auto& i : rows_[m].spec.imports) {
    found_import f{i, {}};
    const auto s = world_.services.find(i.name);
    if (s != world_.services.end() && s->second.empty()) f.sources.push_back({world_.node, world_.address, true, {}});
    for (std::size_t other = 0; other < rows_.size(); ++other) {
      const auto& r = rows_[other];
      if (other == m || !exports(r.spec, i.name) || !gives(r)) continue;
      const auto v = r.variables.find(i.name);
      f.sources.push_back({world_.node, world_.address, true, v == r.variables.end() ? export_variables{} : v->second});
    }
    const auto others = world_.elsewhere.find(i.name);
    if (i.from == import_scope::anywhere && others != world_.elsewhere.end()) {
      for (const auto& e : others->second) f.sources.push_back(e.source);
    }
    all.push_back(std::move(f));
  }
  return all;
}

std::map<std::string, export_variables> module_machine::exported() const {
  std::map<std::string, export_variables> all;
  for (const auto& r : rows_) {
    if (!gives(r)) continue;
    all[r.spec.name];
    for (const auto& name : r.spec.exports) all[name];
    for (const auto& [name, v] : r.variables) all[name] = v;
  }
  return all;
}

std::vector<std::string> module_machine::unready() const {
  std::vector<std::string> all;
  for (const auto& r : rows_) {
    if (!r.spec.wanted || !r.spec.required_for_ready || r.state == module_state::running) continue;
    all.push_back(r.spec.name + " is " + std::string(name_of(r.state)) + (r.reason.empty() ? "" : ": " + r.reason));
  }
  return all;
}

}  // namespace troupe
