#include "node/cli/node_flags.hpp"

#include <string_view>

#include <unistd.h>

#include <CLI/CLI.hpp>

namespace troupe::cli {

namespace {

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text.append(text.empty() ? "" : ",").append(word);
  return text;
}

std::vector<std::pair<std::string, std::string>> troupe_environment() {
  constexpr std::string_view prefix = "TROUPE_";
  std::vector<std::pair<std::string, std::string>> found;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view line(*entry);
    const auto equals = line.find('=');
    if (line.substr(0, prefix.size()) != prefix || equals == std::string_view::npos) continue;
    found.emplace_back(line.substr(0, equals), line.substr(equals + 1));
  }
  return found;
}

}  // namespace

void node_flags::add_to(CLI::App& app) {
  const auto scalar = [&](const char* flag, std::string& value, const char* help) {
    app.add_option(flag, value, help)->take_last();
  };
  scalar("--config", config_file, "configuration file (TOML)");
  scalar("--mode", mode, "preset: single, ha, scaled or kubernetes");
  scalar("--name", name, "name of this node (default: the host's name)");
  scalar("--data-dir", data_dir, "data directory (default ./troupe-data)");
  scalar("--cluster", cluster, "address of gossip and link, HOST:PORT or INTERFACE:PORT");
  scalar("--http", http, "address of the HTTP gateway");
  scalar("--resp", resp, "address of the Redis-protocol gateway");
  app.add_option("--services", services, "services of this node, comma separated; may be repeated")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--seeds", seeds, "members to join, HOST:PORT,...; may be repeated")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--set", settings, "any key of the configuration, e.g. --set cache.replicas=1; may be repeated")
      ->allow_extra_args(false);
}

expected<config_sources> node_flags::sources() const {
  config_sources s;
  s.mode = mode;
  s.file = config_file;
  s.environment = troupe_environment();
  const auto flag = [&](const char* key, const std::string& value) {
    if (!value.empty()) s.settings.emplace_back(key, value);
  };
  flag("node.name", name);
  flag("node.data_dir", data_dir);
  flag("cluster.bind", cluster);
  flag("http.bind", http);
  flag("resp.bind", resp);
  flag("node.services", join(services));
  flag("cluster.seeds", join(seeds));
  for (const auto& setting : settings) {
    const auto equals = setting.find('=');
    if (equals == std::string::npos) return fail(errc::invalid_argument, "--set " + setting + ": want key=value");
    s.settings.emplace_back(setting.substr(0, equals), setting.substr(equals + 1));
  }
  return s;
}

}  // namespace troupe::cli
