#include "tests/sim/trace.hpp"

#include <cstdio>

namespace troupe::sim {

std::string trace_ring::text() const {
  std::string out;
  const std::size_t kept = count_ < lines_.size() ? count_ : lines_.size();
  for (std::size_t i = count_ - kept; i < count_; ++i) {
    const auto& e = lines_[i % lines_.size()];
    char when[32];
    std::snprintf(when, sizeof when, "%12.6f  ", std::chrono::duration<double>(e.when).count());
    out += when;
    out += e.text;
    out += '\n';
  }
  return out;
}

}  // namespace troupe::sim
