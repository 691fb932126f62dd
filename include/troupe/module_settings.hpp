// A module's block of the configuration, [modules.NAME]: read key by key, by the type that the module wants.
//
// Whoever reads need not check: a value that cannot be read is remembered as a fault and the fallback given, and what
// nobody asked for is an unknown key. finish() tells all of it at once; the node calls it after module::configure.
#pragma once

#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include <troupe/config.hpp>
#include <troupe/error.hpp>
#include <troupe/time.hpp>

namespace troupe {

class module_settings {
 public:
  module_settings() = default;
  module_settings(std::string module, module_block values) : module_(std::move(module)), values_(std::move(values)) {}

  [[nodiscard]] bool has(const std::string& key) const { return values_.contains(key); }

  [[nodiscard]] std::string text(const std::string& key, std::string fallback = {});
  /// A list; a single text is a list of one.
  [[nodiscard]] std::vector<std::string> texts(const std::string& key, std::vector<std::string> fallback = {});
  [[nodiscard]] std::int64_t number(const std::string& key, std::int64_t fallback,
                                    std::int64_t min = std::numeric_limits<std::int64_t>::min(),
                                    std::int64_t max = std::numeric_limits<std::int64_t>::max());
  [[nodiscard]] bool flag(const std::string& key, bool fallback);
  /// Number + ms|s|m|h|d.
  [[nodiscard]] duration time(const std::string& key, duration fallback, duration min = duration::zero(),
                              duration max = duration::max());
  /// Number, alone or with KiB|MiB|GiB|TiB.
  [[nodiscard]] std::uint64_t bytes(const std::string& key, std::uint64_t fallback);

  /// A fault that the module found itself, e.g. of two keys that do not go together.
  void fault(const std::string& key, const std::string& text);

  /// errc::bad_config with every fault, one a line, each with its key's path: values that could not be read, and keys
  /// that nobody has asked for.
  [[nodiscard]] expected<void> finish() const;

 private:
  [[nodiscard]] const std::string* one(const std::string& key);

  std::string module_;
  module_block values_;
  std::set<std::string> asked_;
  std::vector<std::string> faults_;
};

}  // namespace troupe
