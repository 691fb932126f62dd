#include "runtime/modules/explanation.hpp"

#include <algorithm>
#include <utility>

#include "runtime/modules/module_machine.hpp"

namespace troupe {

namespace {

constexpr std::size_t lines_max = 64;

std::string sentence(const module_machine& m, std::size_t at) {
  const auto& spec = m.spec(at);
  if (!spec.wanted) return spec.name + " is not among node.services of this node";
  const auto text = spec.name + " is " + std::string(name_of(m.state(at)));
  return m.reason(at).empty() ? text : text + ": " + m.reason(at);
}

std::string places(const module_world& w, const std::string& name) {
  std::string text;
  const auto at = w.elsewhere.find(name);
  if (at == w.elsewhere.end()) return text;
  for (const auto& e : at->second) text.append(text.empty() ? "" : ", ").append(e.source.member);
  return text;
}

class walk {
 public:
  walk(const module_machine& m, explanation& into) : machine_(m), into_(into) {}

  void explain_module(std::size_t at, std::size_t depth) {
    if (into_.path.size() >= lines_max) return;
    const auto& spec = machine_.spec(at);
    if (const auto before = std::find(path_.begin(), path_.end(), at); before != path_.end()) {
      std::vector<std::string> circle;
      for (auto each = before; each != path_.end(); ++each) circle.push_back(machine_.spec(*each).name);
      circle.push_back(spec.name);
      return add(depth, "they wait for each other: " + arrows(circle));
    }
    add(depth, sentence(machine_, at));
    if (!spec.wanted || machine_.state(at) == module_state::running) return;
    path_.push_back(at);
    for (const auto& i : spec.imports) {
      if (i.required && !machine_.missing(at, i, true).empty()) explain_import(i, depth + 1);
    }
    path_.pop_back();
  }

  void explain_import(const module_import& i, std::size_t depth) {
    bool known = false;
    if (const auto s = machine_.world().services.find(i.name); s != machine_.world().services.end()) {
      add(depth, i.name + ", a service of this node, " + s->second);
      known = true;
    }
    for (std::size_t other = 0; other < machine_.size(); ++other) {
      if (!exports(machine_.spec(other), i.name)) continue;
      if (machine_.spec(other).name != i.name)
        add(depth, i.name + " is exported by module " + machine_.spec(other).name);
      explain_module(other, machine_.spec(other).name != i.name ? depth + 1 : depth);
      known = true;
    }
    if (!known) add(depth, i.name + ": no service and no module of this node exports it");
    if (i.from == import_scope::here) return;
    const auto there = places(machine_.world(), i.name);
    if (!there.empty()) return add(depth, i.name + " is at " + there + ", which is suspected or flaps");
    if (std::find(into_.ask_for.begin(), into_.ask_for.end(), i.name) == into_.ask_for.end())
      into_.ask_for.push_back(i.name);
  }

 private:
  void add(std::size_t depth, std::string text) {
    if (into_.path.size() < lines_max) into_.path.push_back({depth, std::move(text)});
  }

  const module_machine& machine_;
  explanation& into_;
  std::vector<std::size_t> path_;
};

std::optional<std::size_t> exporter_of(const module_machine& m, const std::string& name) {
  for (std::size_t at = 0; at < m.size(); ++at) {
    if (exports(m.spec(at), name)) return at;
  }
  return std::nullopt;
}

bool is_imported(const module_machine& m, const std::string& name) {
  for (std::size_t at = 0; at < m.size(); ++at) {
    for (const auto& i : m.spec(at).imports) {
      if (i.name == name) return true;
    }
  }
  return false;
}

}  // namespace

std::optional<explanation> explain(const module_machine& m, const std::string& name) {
  explanation e;
  e.name = name;
  if (const auto at = exporter_of(m, name)) {
    e.state = m.spec(*at).wanted ? name_of(m.state(*at)) : name_of(module_state::stopped);
    e.reason = m.spec(*at).wanted ? m.reason(*at) : sentence(m, *at);
    e.runs = m.state(*at) == module_state::running;
    if (!e.runs) walk(m, e).explain_module(*at, 0);
    return e;
  }
  if (const auto s = m.world().services.find(name); s != m.world().services.end()) {
    e.runs = s->second.empty();
    e.state = e.runs ? "running" : s->second.substr(0, s->second.find(':'));
    if (e.state.starts_with("is ")) e.state.erase(0, 3);
    const auto colon = s->second.find(": ");
    e.reason = colon == std::string::npos ? "" : s->second.substr(colon + 2);
    if (!e.runs) e.path.push_back({0, name + ", a service of this node, " + s->second});
    return e;
  }
  const auto there = places(m.world(), name);
  if (there.empty() && !is_imported(m, name)) return std::nullopt;
  e.runs = !there.empty();
  e.state = e.runs ? "running" : "stopped";
  e.reason = e.runs ? "at " + there : "no member exports it";
  if (e.runs) return e;
  walk(m, e).explain_import({name, import_scope::anywhere, true}, 0);
  return e;
}

std::string short_reason(const module_machine& m, const std::string& name) {
  const auto at = exporter_of(m, name);
  return at ? sentence(m, *at) : std::string();
}

}  // namespace troupe
