// The caches of a node: names to ids, and what the configuration says of each. Made once at start
// and never changed, so any thread may read it. The cache `default` exists without a declaration and
// has id 0.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/config.hpp>

#include "runtime/cache/command.hpp"

namespace troupe {

class cache_catalogue {
 public:
  struct declared_cache {
    std::string name;
    named_cache_config settings;  // with a number of replicas
    bool everywhere = false;      // replicas = "all"
  };

  /// Caches beyond caches_max are left out (the configuration's own validation refuses them first).
  explicit cache_catalogue(const std::map<std::string, named_cache_config>& caches, std::uint32_t default_replicas = 0);

  /// A cache of the node's own: no configuration and no door can name it.
  [[nodiscard]] static constexpr bool is_internal(std::string_view name) noexcept { return name.starts_with('.'); }

  /// None when the name was not declared.
  [[nodiscard]] std::optional<cache_id> find(std::string_view name) const noexcept;

  /// Null when no cache has the id.
  [[nodiscard]] const declared_cache* get(cache_id id) const noexcept {
    return id < caches_.size() ? &caches_[id] : nullptr;
  }

  /// By id.
  [[nodiscard]] const std::vector<declared_cache>& all() const noexcept { return caches_; }
  [[nodiscard]] bool any_backed() const noexcept;

 private:
  std::vector<declared_cache> caches_;
  std::map<std::string, cache_id, std::less<>> ids_;
};

}  // namespace troupe
