// The flags that decide a node's configuration, shared by `node`, `config print` and `dev`.
#pragma once

#include <string>
#include <vector>

#include <CLI/App.hpp>

#include <troupe/config.hpp>

namespace troupe::cli {

struct node_flags {
  std::string config_file;
  std::string mode;
  std::string name;
  std::string data_dir;
  std::string cluster;
  std::string http;
  std::string resp;
  std::vector<std::string> services;
  std::vector<std::string> seeds;
  std::vector<std::string> settings;  // key=value

  void add_to(CLI::App& app);

  /// The layers: file, environment of this process, flags. invalid_argument for a --set without `=`.
  [[nodiscard]] expected<config_sources> sources() const;
};

}  // namespace troupe::cli
