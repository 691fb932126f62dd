#include "runtime/modules/module_spec.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace troupe {

namespace {

bool is_module_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > module_name_max || name[0] < 'a' || name[0] > 'z') return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'; });
}

bool is_among(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string shown(const std::string& name) {
  std::string text;
  for (const char c : name.substr(0, module_name_max)) text.push_back(c < 0x20 || c > 0x7e ? '?' : c);
  return "\"" + text + "\"";
}

// Depth first over what requires what; a module that is met again while it is on the path closes a circle.
class circle_search {
 public:
  circle_search(const std::vector<module_spec>& all, bool anywhere) : all_(all), anywhere_(anywhere) {}

  std::vector<std::string> run() {
    for (std::size_t i = 0; i < all_.size() && found_.empty(); ++i) visit(i);
    return found_;
  }

 private:
  void visit(std::size_t m) {
    if (done_.contains(m) || !found_.empty()) return;
    const auto on_path = std::find(path_.begin(), path_.end(), m);
    if (on_path != path_.end()) {
      for (auto at = on_path; at != path_.end(); ++at) found_.push_back(all_[*at].name);
      found_.push_back(all_[m].name);
      return;
    }
    path_.push_back(m);
    for (const auto& i : all_[m].imports) {
      if (!i.required || (i.from == import_scope::anywhere && !anywhere_)) continue;
      for (std::size_t other = 0; other < all_.size(); ++other) {
        if (exports(all_[other], i.name)) visit(other);
      }
    }
    path_.pop_back();
    done_.insert(m);
  }

  const std::vector<module_spec>& all_;
  const bool anywhere_;
  std::vector<std::size_t> path_;
  std::set<std::size_t> done_;
  std::vector<std::string> found_;
};

class fault_list {
 public:
  fault_list(const std::vector<module_spec>& all, const std::vector<std::string>& services)
      : all_(all), services_(services) {}

  std::vector<std::string> run() {
    if (all_.size() > modules_max) broken("", "there are more than " + std::to_string(modules_max) + " modules");
    for (const auto& m : all_) check(m);
    if (count_ > module_exports_max) {
      broken("", "the modules of a node export more than " + std::to_string(module_exports_max) +
                     " names, their own counted");
    }
    const auto circle = circle_of(all_, false);
    // A circle of one is told as an import of itself.
    if (circle.size() > 2) broken(circle.front(), "none of these can start before the next one: " + arrows(circle));
    return std::move(faults_);
  }

 private:
  void broken(const std::string& module, const std::string& text) {
    faults_.push_back(module.empty() ? text : "module " + module + ": " + text);
  }

  void check(const module_spec& m) {
    const bool sound = is_module_name(m.name);
    if (!sound)
      broken(shown(m.name), "a name begins with a small letter and has at most " + std::to_string(module_name_max) +
                                " small letters, digits, _ or -");
    if (is_among(services_, m.name)) broken(m.name, "this is the name of a service of the program");
    take(m, m.name, "there are two modules of this name");
    for (const auto& name : m.exports) {
      if (name == m.name) continue;
      if (!is_module_name(name))
        broken(sound ? m.name : shown(m.name), "exports " + shown(name) + ", which is no name");
      if (is_among(services_, name)) broken(m.name, "exports " + name + ", which is a service of the program");
      take(m, name, "exports " + name + ", which another module exports too");
    }
    if (m.imports.size() > module_imports_max)
      broken(m.name, "has more than " + std::to_string(module_imports_max) + " imports");
    check_imports(m);
    if (m.limits.health_interval <= duration::zero() || m.limits.health_limit <= duration::zero() ||
        m.limits.start_limit <= duration::zero() || m.limits.stop_limit <= duration::zero())
      broken(m.name, "its times must be above 0");
  }

  void check_imports(const module_spec& m) {
    std::set<std::string> seen;
    for (const auto& i : m.imports) {
      if (exports(m, i.name)) broken(m.name, "imports " + i.name + ", which it exports itself");
      if (!is_module_name(i.name)) broken(m.name, "imports " + shown(i.name) + ", which is no name");
      if (!seen.insert(i.name).second) broken(m.name, "imports " + i.name + " twice");
    }
  }

  void take(const module_spec& m, const std::string& name, const std::string& twin) {
    ++count_;
    if (!taken_.insert(name).second) broken(m.name, twin);
  }

  const std::vector<module_spec>& all_;
  const std::vector<std::string>& services_;
  std::set<std::string> taken_;
  std::size_t count_ = 0;
  std::vector<std::string> faults_;
};

}  // namespace

bool exports(const module_spec& m, std::string_view name) { return m.name == name || is_among(m.exports, name); }

std::vector<std::string> faults_of(const std::vector<module_spec>& all, const std::vector<std::string>& services) {
  return fault_list(all, services).run();
}

std::vector<std::string> circle_of(const std::vector<module_spec>& all, bool anywhere) {
  return circle_search(all, anywhere).run();
}

std::string arrows(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text.append(text.empty() ? "" : " -> ").append(name);
  return text;
}

}  // namespace troupe
