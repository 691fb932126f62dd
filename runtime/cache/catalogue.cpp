#include "runtime/cache/catalogue.hpp"

#include <algorithm>

#include "runtime/cache/shard_store.hpp"

namespace troupe {

namespace {

constexpr std::string_view default_name = "default";

}  // namespace

cache_catalogue::cache_catalogue(const std::map<std::string, named_cache_config>& caches,
                                 std::uint32_t default_replicas) {
  named_cache_config plain;
  plain.replicas = default_replicas;
  const auto declare = [&](const std::string& name, named_cache_config c) {
    const bool everywhere = c.replicas == replicas_everywhere;
    c.replicas = config::copies_in_sync(c.replicas, default_replicas);
    caches_.push_back({name, std::move(c), everywhere});
  };
  const auto declared = caches.find(std::string(default_name));
  declare(std::string(default_name), declared == caches.end() ? plain : declared->second);
  for (const auto& [name, settings] : caches) {
    if (name != default_name && caches_.size() < caches_max) declare(name, settings);
  }
  for (std::size_t id = 0; id < caches_.size(); ++id) ids_.emplace(caches_[id].name, static_cast<cache_id>(id));
}

std::optional<cache_id> cache_catalogue::find(std::string_view name) const noexcept {
  const auto id = ids_.find(name);
  if (id == ids_.end()) return std::nullopt;
  return id->second;
}

bool cache_catalogue::any_backed() const noexcept {
  return std::any_of(caches_.begin(), caches_.end(), [](const declared_cache& c) { return c.settings.backed; });
}

}  // namespace troupe
