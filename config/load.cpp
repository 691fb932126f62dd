// load_config: the layers, lowest first, over one draft; then what follows from them; then the rules.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>

#include <troupe/config.hpp>

#include "config/file.hpp"
#include "config/key.hpp"
#include "config/modes.hpp"
#include "config/rules.hpp"
#include "config/text.hpp"
#include "config/text_layer.hpp"
#include "config/toml_layer.hpp"
#include "config/value.hpp"

namespace troupe {
namespace {

constexpr std::size_t file_size_max = mib;
constexpr std::string_view mode_path = "node.mode";
constexpr std::string_view mode_variable = "TROUPE_NODE_MODE";

std::optional<std::string> last_of(const text_pairs& pairs, std::string_view name) {
  const auto found = std::find_if(pairs.rbegin(), pairs.rend(), [&](const auto& p) { return p.first == name; });
  return found == pairs.rend() ? std::nullopt : std::optional(found->second);
}

/// The mode must be known before its layer is laid, which is below those that name it.
std::string mode_of(const config_sources& sources, std::string_view file_text) {
  if (!sources.mode.empty()) return sources.mode;
  if (const auto setting = last_of(sources.settings, mode_path)) return *setting;
  if (const auto variable = last_of(sources.environment, mode_variable)) return *variable;
  draft file_alone;
  static_cast<void>(apply_toml(file_alone, file_text, {}));
  return file_alone.values.node.mode;
}

bool apply_mode(draft& d, std::string_view mode) {
  for (const mode_file& m : mode_files()) {
    if (m.name == mode) return apply_toml(d, m.text, "mode " + std::string(mode));
  }
  return true;  // none, or one that the layer it came from reports
}

void apply_mode_flag(draft& d, const std::string& mode) {
  if (mode.empty()) return;
  const verdict wrong = store_string(*find_key("node", "mode"), &d.values.node.mode, mode);
  if (!wrong.empty()) d.fault("--mode: " + wrong);
}

/// False: a layer could not be read at all, so rules over the whole would only mislead.
bool apply_layers(draft& d, const config_sources& sources) {
  std::string file_text;
  bool readable = true;
  if (!sources.file.empty()) {
    auto bytes = read_file(sources.file, file_size_max);
    if (bytes) {
      file_text = std::move(*bytes);
    } else {
      d.fault(sources.file + ": " + bytes.error().context);
      readable = false;
    }
  }
  readable = apply_mode(d, mode_of(sources, file_text)) && readable;
  readable = apply_toml(d, file_text, sources.file) && readable;
  apply_environment(d, sources.environment);
  apply_settings(d, sources.settings);
  apply_mode_flag(d, sources.mode);
  return readable;
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
}

/// Values that follow from others where no layer gave them.
void resolve(draft& d) {
  if (d.values.node.name.empty()) {
    d.values.node.name = host_name();
    d.places["node.name"] = "the host's name";
  }
  d.values.inherit_replicas();
}

void apply_rules(draft& d, const std::vector<std::string>& modules) {
  for (const broken_rule& rule : broken_rules(d.values, modules)) {
    const auto found = d.places.find(rule.path);
    const std::string place = found == d.places.end() ? "" : found->second + ": ";
    const bool place_names_key = place == "--set " + rule.path + ": ";
    d.fault(place + (place_names_key ? "" : rule.path + ": ") + rule.text);
  }
}

}  // namespace

expected<config> load_config(const config_sources& sources) {
  draft d;
  const bool readable = apply_layers(d, sources);
  resolve(d);
  if (readable) apply_rules(d, sources.modules);
  if (d.faults.empty()) return std::move(d.values);
  if (d.faults_unlisted > 0) d.faults.push_back("... and " + std::to_string(d.faults_unlisted) + " more");
  return fail(errc::bad_config, joined(d.faults, "\n"));
}

}  // namespace troupe
