// The last lines of a run, kept in a ring and printed when the run fails.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <troupe/time.hpp>

namespace troupe::sim {

class trace_ring {
 public:
  explicit trace_ring(std::size_t lines_max) : lines_(lines_max == 0 ? 1 : lines_max) {}

  void add(duration when, std::string line) {
    auto& slot = lines_[count_++ % lines_.size()];
    slot.when = when;
    slot.text = std::move(line);
  }

  /// Oldest first, one line an entry: "seconds  text".
  [[nodiscard]] std::string text() const;

 private:
  struct entry {
    duration when{};
    std::string text;
  };
  std::vector<entry> lines_;
  std::size_t count_ = 0;
};

}  // namespace troupe::sim
