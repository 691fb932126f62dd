#include "actors/durability/durable_modes.hpp"

#include <algorithm>

namespace troupe {

std::vector<fsync_mode> modes_of(const cache_catalogue& caches) {
  std::vector<fsync_mode> modes;
  for (const auto& c : caches.all()) {
    auto mode = fsync_mode::not_durable;
    if (c.settings.durable && !c.settings.backed) {
      mode = c.settings.fsync == "always" ? fsync_mode::always
             : c.settings.fsync == "no"   ? fsync_mode::no
                                          : fsync_mode::everysec;
    }
    modes.push_back(mode);
  }
  return modes;
}

fsync_mode strictest(const std::vector<fsync_mode>& modes) noexcept {
  const auto most = std::max_element(modes.begin(), modes.end());
  return most == modes.end() ? fsync_mode::not_durable : *most;
}

}  // namespace troupe
