// What a shard has to know of its caches, by id: which are not sent to its copies, and how long what is gone is still
// of use to a loader. Made once at start and never changed.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include <troupe/time.hpp>

#include "runtime/cache/command.hpp"

namespace troupe {

struct cache_rules {
  bool at_primary_only = false;  // copies hold nothing of it
  duration stale_for{};          // an expired value is kept so long for readers while it is loaded anew; 0: not at all
  duration negative_ttl{};       // "there is none" is remembered so long; 0: not at all
};

class cache_rule_book {
 public:
  cache_rule_book() = default;
  explicit cache_rule_book(std::vector<cache_rules> by_cache) : rules_(std::move(by_cache)) {
    for (std::size_t id = 0; id < rules_.size(); ++id) {
      keeps_stale_ = keeps_stale_ || rules_[id].stale_for > duration::zero();
      if (rules_[id].at_primary_only) primary_only_.push_back(static_cast<cache_id>(id));
    }
  }

  [[nodiscard]] const cache_rules& of(cache_id cache) const noexcept {
    static const cache_rules usual;
    return cache < rules_.size() ? rules_[cache] : usual;
  }
  /// Of some cache.
  [[nodiscard]] bool keeps_stale() const noexcept { return keeps_stale_; }
  /// Caches that copies hold nothing of.
  [[nodiscard]] const std::vector<cache_id>& primary_only() const noexcept { return primary_only_; }

 private:
  std::vector<cache_rules> rules_;
  std::vector<cache_id> primary_only_;
  bool keeps_stale_ = false;
};

}  // namespace troupe
