// Which members may be taken for a `where`, and in which order: the first is the one to take, the others are for when
// it cannot be. Pure; loads are asked for elsewhere.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <troupe/cluster.hpp>
#include <troupe/error.hpp>
#include <troupe/time.hpp>
#include <troupe/where.hpp>

#include "runtime/base/random.hpp"

namespace troupe {

/// Members that take part in actors have this tag.
inline constexpr const char* actors_tag = "actors";

struct candidate {
  std::string name;
  incarnation_id id;
  std::string address;

  bool operator==(const candidate&) const = default;
};

/// Round trips from this node, by member; those that are not known are missing.
using distances = std::map<std::string, duration>;

/// Its tag `role` lists it, or it runs the service.
[[nodiscard]] bool has_role(const member& m, const std::string& role);

/// Alive or suspect, and of those that take part.
[[nodiscard]] bool takes_part(const member& m);

/// Of the members that `w` allows, in the order in which they are to be tried; for pick::all in the order of names, for
/// pick::least_loaded at random. errc::not_found when no member has that name, role or tags; errc::unavailable, with
/// the words, for a named one that leaves, failed or runs no actors.
[[nodiscard]] expected<std::vector<candidate>> choose(const cluster_view& view, const where& w, const distances& far,
                                                      random& rng);

}  // namespace troupe
