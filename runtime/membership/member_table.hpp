// All members that are known, this one excepted, in one map by name; and the choices made among them:
// the round of probes, random receivers, the hash of who is believed alive.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/function_ref.hpp"
#include "runtime/base/random.hpp"
#include "runtime/membership/member.hpp"

namespace troupe::membership {

class member_table {
 public:
  using map = std::map<std::string, record, std::less<>>;

  [[nodiscard]] const record* find(std::string_view name) const;
  [[nodiscard]] record* find(std::string_view name);
  [[nodiscard]] const map& all() const noexcept { return members_; }
  [[nodiscard]] std::size_t live_count() const noexcept { return live_.size(); }

  /// Adds or replaces. New live members enter the round of probes at a random place.
  record& put(record r, random& rng);
  void set_state(record& r, member_state s, time_point now);
  void erase(const std::string& name);
  void clear();

  /// The next member of the round that `wanted` accepts, null when there is none. Every live member is
  /// visited once a round; each round has a new order (SWIM, section 4.3).
  [[nodiscard]] record* next_to_probe(random& rng, function_ref<bool(const record&)> wanted);

  /// Up to `count` different live members that `wanted` accepts.
  [[nodiscard]] std::vector<record*> pick(std::size_t count, random& rng, function_ref<bool(const record&)> wanted);

  /// A member that has failed; null when there is none.
  [[nodiscard]] record* pick_failed(random& rng);

  /// The same at two members that believe the same members alive in the same incarnations. `self` is
  /// the holder of the table.
  [[nodiscard]] std::uint64_t live_hash(const record& self) const;

 private:
  void enter(record& r, random& rng);
  void remove_from_live(const record& r);

  map members_;
  std::vector<record*> live_;  // records of members_; a map does not move them
  std::vector<std::string> round_;
  std::size_t round_at_ = 0;
};

}  // namespace troupe::membership
