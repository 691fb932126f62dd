// A directory for the files of one test, and the verbs of the configuration tests.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <gmock/gmock.h>

#include <troupe/config.hpp>

namespace troupe {

inline std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

/// One of config/*.toml in the source tree.
inline std::string shipped(const std::string& name) { return std::string(TROUPE_CONFIG_FILES) + name; }

class config_test : public testing::Test {
 protected:
  config_test() {
    std::string pattern = (std::filesystem::temp_directory_path() / "troupe-config-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~config_test() override { std::filesystem::remove_all(directory_); }

  std::string write(const std::string& name, const std::string& text) {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  /// A file with these lines under the only key that every node needs.
  config_sources file(const std::string& lines) {
    config_sources sources;
    sources.file = write("t.toml", lines);
    sources.settings = {{"node.services", "http"}};
    return sources;
  }

  static config loaded(const config_sources& sources) {
    auto c = load_config(sources);
    EXPECT_TRUE(c.has_value()) << c.error().context;
    return c.value_or(config{});
  }

  /// All faults with the directory of the test cut away; "" when there are none.
  std::string faults(const config_sources& sources) {
    const auto c = load_config(sources);
    if (c) return {};
    EXPECT_EQ(c.error().code, errc::bad_config);
    std::string text = c.error().context;
    for (std::size_t at; (at = text.find(directory_ + "/")) != std::string::npos;)
      text.erase(at, directory_.size() + 1);
    return text;
  }

  std::string directory_;
};

}  // namespace troupe
