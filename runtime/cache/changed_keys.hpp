// Which keys of a shard were written since somebody began to watch, and which caches were dropped. Each once, in an
// order that is the same in every run. Not their values: who asks reads those from the store.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/cache/command.hpp"

namespace troupe {

class changed_keys {
 public:
  using key = std::pair<cache_id, std::string>;

  void add(cache_id cache, std::string_view name) {
    if (keys_.emplace(cache, name).second) bytes_ += name.size() + overhead;
  }
  /// All values of the cache up to that version are gone.
  void add_drop(cache_id cache, std::uint64_t version) { drops_[cache] = version; }
  [[nodiscard]] std::map<cache_id, std::uint64_t> take_drops() noexcept { return std::exchange(drops_, {}); }
  [[nodiscard]] bool empty() const noexcept { return keys_.empty() && drops_.empty(); }
  [[nodiscard]] std::size_t count() const noexcept { return keys_.size(); }
  /// About what they take in memory.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

  /// Not when count() is 0.
  [[nodiscard]] key take() {
    auto node = keys_.extract(keys_.begin());
    bytes_ -= node.value().second.size() + overhead;
    return std::move(node.value());
  }

 private:
  static constexpr std::uint64_t overhead = sizeof(key) + 32;  // a node of the tree

  std::set<key> keys_;
  std::map<cache_id, std::uint64_t> drops_;
  std::uint64_t bytes_ = 0;
};

}  // namespace troupe
