#include "node/module_parts.hpp"

#include "node/join_lines.hpp"

namespace troupe {

expected<void> check_module(config& c, const std::string& module) {
  c.node.services = {module};
  auto wrong = validate(c, {module});
  if (c.node.name.empty()) wrong.insert(wrong.begin(), "node.name: is needed");
  if (wrong.empty()) return {};
  return fail(errc::bad_config, join_lines(wrong));
}

void set_log_level(config& c, const std::string& level) {
  if (level != log_off) c.log.level = level;
}

expected<std::shared_ptr<event_log>> open_module_log(const config& c, const std::string& level) {
  if (level == log_off) return event_log::none();
  return event_log::open(c.log, c.node.name);
}

std::string module_cluster(const std::string& module, const std::string& name) { return module + ":" + name; }

std::string advertised_address(const std::string& told, const std::string& bound) {
  if (told.empty()) return bound;
  if (!told.ends_with(":0")) return told;
  return told.substr(0, told.size() - 2) + bound.substr(bound.rfind(':'));
}

}  // namespace troupe
