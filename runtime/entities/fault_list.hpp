// Faults gathered with their places, up to a limit and then only counted, so that all can be mended at once.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace troupe {

class fault_list {
 public:
  static constexpr std::size_t faults_max = 100;

  void add(std::string place, const std::string& what) {
    if (faults_.size() == faults_max) {
      ++unlisted_;
      return;
    }
    faults_.push_back(std::move(place) + ": " + what);
  }
  [[nodiscard]] bool empty() const noexcept { return faults_.empty(); }

  /// With a last one that counts those beyond the limit.
  [[nodiscard]] std::vector<std::string> take() {
    if (unlisted_ > 0) faults_.push_back("and " + std::to_string(unlisted_) + " more");
    unlisted_ = 0;
    return std::exchange(faults_, {});
  }
  /// One a line.
  [[nodiscard]] std::string take_text() {
    std::string text;
    for (const auto& f : take()) text.append(text.empty() ? "" : "\n").append(f);
    return text;
  }

 private:
  std::vector<std::string> faults_;
  std::size_t unlisted_ = 0;
};

}  // namespace troupe
