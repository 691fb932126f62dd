// Where in the cluster something is looked for or begun: which members may be taken, and which of them is.
//
//   where::nearest()                        of all members, the one with the shortest round trip (this node first)
//   where::role("worker")                   any member with that role
//   where::least_loaded().in_role("worker").with_tag("zone", "eu")
//
// A member has a role when its tag `role` lists it (comma-separated) or it runs the service of that name. Members that
// are known to have failed, or to leave, are never taken.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace troupe {

struct where {
  enum class pick : std::uint8_t {
    any,           // one at random, this node no more than others
    here,          // this node
    nearest,       // by the estimated round trip; this node is nearest to itself
    least_loaded,  // with the fewest actors that were spawned there by name
    all,           // each of them
  };

  pick how = pick::any;
  std::string member{};  // only this one, by name
  std::string role_of{};
  std::map<std::string, std::string> tags{};  // only members with all of these

  [[nodiscard]] static where any() { return {}; }
  [[nodiscard]] static where here() { return {.how = pick::here}; }
  [[nodiscard]] static where nearest() { return {.how = pick::nearest}; }
  [[nodiscard]] static where least_loaded() { return {.how = pick::least_loaded}; }
  [[nodiscard]] static where all() { return {.how = pick::all}; }
  [[nodiscard]] static where on(std::string name) { return {.how = pick::any, .member = std::move(name)}; }
  [[nodiscard]] static where role(std::string name) { return any().in_role(std::move(name)); }

  [[nodiscard]] where in_role(std::string name) const {
    auto w = *this;
    w.role_of = std::move(name);
    return w;
  }
  [[nodiscard]] where with_tag(std::string tag, std::string value) const {
    auto w = *this;
    w.tags.insert_or_assign(std::move(tag), std::move(value));
    return w;
  }
};

}  // namespace troupe
