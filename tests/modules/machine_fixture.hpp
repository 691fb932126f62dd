// A machine on virtual time, its hooks answered by the test: verbs, and what it asked for as text.
#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/modules/module_machine.hpp"

namespace troupe {

// For messages of failed tests.
inline void PrintTo(module_state s, std::ostream* out) { *out << name_of(s); }

class module_machine_fixture : public ::testing::Test {
 protected:
  using words = std::vector<std::string>;
  static constexpr duration settled = module_machine::settle_first;

  void make(std::vector<module_spec> all) {
    w.node = "n1";
    w.services["db"] = "";
    m.emplace(std::move(all), random(1));
    look();
  }
  static module_spec spec(std::string name, std::vector<module_import> imports = {},
                          std::vector<std::string> exports = {}) {
    module_spec s;
    s.name = std::move(name);
    s.imports = std::move(imports);
    s.exports = std::move(exports);
    return s;
  }
  static module_import here(std::string name, bool required = true) {
    return {std::move(name), import_scope::here, required};
  }
  static module_import anywhere(std::string name, bool required = true) {
    return {std::move(name), import_scope::anywhere, required};
  }
  [[nodiscard]] std::size_t at(const std::string& name) const {
    for (std::size_t i = 0; i < m->size(); ++i) {
      if (m->spec(i).name == name) return i;
    }
    return m->size();
  }

  // verbs
  void look() { m->set_world(w, now, out); }
  void wait(duration d) {
    now += d;
    m->on_tick(now, out);
  }
  void service(const std::string& name, const std::string& why) {
    w.services[name] = why;
    look();
  }
  void appears(const std::string& member, const std::string& name, bool steady = true, export_variables v = {}) {
    w.others = true;
    w.elsewhere[name].push_back({{member, member + ":7070", false, std::move(v)}, steady});
    look();
  }
  void goes(const std::string& name) {
    w.elsewhere.erase(name);
    look();
  }
  void started(const std::string& name, const std::string& fault = "", errc code = errc::unavailable) {
    m->on_start(at(name), fault.empty() ? expected<void>() : fail(code, fault), now, out);
  }
  void stopped(const std::string& name) { m->on_stop(at(name), now, out); }
  void healthy(const std::string& name, const std::string& fault = "") { m->on_health(at(name), fault, now, out); }
  void updated(const std::string& name) { m->on_update(at(name), now, out); }
  void stop(bool leaving = false, duration hook_max = std::chrono::hours(1)) { m->stop(leaving, hook_max, now, out); }
  /// Lets the settle time pass and answers every start.
  void run_all() {
    for (std::size_t i = 0; i <= m->size(); ++i) {
      wait(settled);
      for (const auto& c : std::exchange(out.calls, {})) {
        if (c.hook == module_hook::start) m->on_start(c.module, {}, now, out);
        if (c.hook == module_hook::update) m->on_update(c.module, now, out);
      }
    }
    (void)take();
  }

  /// What hooks were asked for since the last look.
  words take() {
    words w_now;
    for (const auto& c : out.calls) w_now.push_back(std::string(name_of(c.hook)) + " " + m->spec(c.module).name);
    out = {};
    return w_now;
  }
  [[nodiscard]] module_state state(const std::string& name) const { return m->state(at(name)); }
  [[nodiscard]] std::string reason(const std::string& name) const { return m->reason(at(name)); }
  [[nodiscard]] words exported() const {
    words names;
    for (const auto& [name, v] : m->exported()) names.push_back(name);
    return names;
  }

  time_point now = time_point{} + std::chrono::hours(1);
  module_world w;
  std::optional<module_machine> m;
  module_output out;
};

}  // namespace troupe
