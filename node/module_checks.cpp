#include "node/module_checks.hpp"

#include <exception>
#include <utility>

#include <troupe/module_settings.hpp>

#include "actors/modules/module_host.hpp"

namespace troupe {

namespace {

// What a module says of its block; one that throws is at fault, not the node.
std::string fault_of_settings(const module& m, const config& c) {
  const auto at = c.modules.find(m.name);
  module_settings settings(m.name, at == c.modules.end() ? module_block{} : at->second);
  try {
    if (m.configure) {
      if (const auto done = m.configure(settings); !done)
        return "module " + m.name + ": " +
               (done.error().context.empty() ? describe(done.error()) : done.error().context);
    }
  } catch (const std::exception& e) {
    return "module " + m.name + ": configure threw: " + e.what();
  } catch (...) {
    return "module " + m.name + ": configure threw";
  }
  const auto read = settings.finish();
  return read ? std::string() : read.error().context;
}

}  // namespace

std::vector<std::string> module_names(const std::vector<module>& all) {
  std::vector<std::string> names;
  for (const auto& m : all) names.push_back(m.name);
  return names;
}

expected<void> check_modules(const std::vector<module>& all, const config& c) {
  auto faults = faults_of(module_host::specs_of(all, c), known_services());
  for (const auto& m : all) {
    for (const auto& e : m.exports) {
      if (const auto text = text_of(e.variables); !text)
        faults.push_back("module " + m.name + ": export " + e.name + ": " + text.error().context);
    }
    if (auto fault = fault_of_settings(m, c); !fault.empty()) faults.push_back(std::move(fault));
  }
  if (faults.empty()) return {};
  std::string text;
  for (const auto& f : faults) text.append(text.empty() ? "" : "\n").append(f);
  return fail(errc::bad_config, std::move(text));
}

}  // namespace troupe
