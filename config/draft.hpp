// A configuration in the making: the layers so far, where each value in force came from, and
// everything that was wrong on the way. A fault does not stop the reading: all are told at once.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <troupe/config.hpp>

namespace troupe {

struct draft {
  /// A hostile file could bring 100,000 faults; nobody reads more than these.
  static constexpr std::size_t faults_max = 100;

  config values;
  std::map<std::string, std::string> places;  // "cache.replicas" -> "troupe.toml:12"
  std::vector<std::string> faults;            // each with its place
  std::size_t faults_unlisted = 0;            // found beyond faults_max

  void fault(std::string text) {
    if (is_full()) {
      ++faults_unlisted;
    } else {
      faults.push_back(std::move(text));
    }
  }
  [[nodiscard]] bool is_full() const noexcept { return faults.size() >= faults_max; }
};

}  // namespace troupe
