// Which entities a node serves, how the others get to know it, and who is asked for one that is off here.
//
// A member that runs the service `entities` serves all of its model, unless its services have marks besides it:
//
//   entities/library      on; whatever bears no such mark is off
//   entities/-library     off; whatever bears no such mark is on
//   entities/             none is on
//
// The shorter of both lists is told, so that marks stay few. No promise that a member still serves what it told: who is
// asked for what it has turned off meanwhile answers not_owner, and somebody else is asked.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/cluster.hpp>
#include <troupe/error.hpp>

#include "runtime/entities/model.hpp"

namespace troupe {

inline constexpr std::string_view entities_service = "entities";
inline constexpr std::size_t entity_marks_max = 16;  // they are gossiped
inline constexpr std::size_t entity_places_max = 2;  // asked for one request

/// "entities/library": the name under which an entity is listed among the services.
[[nodiscard]] std::string entity_service_name(std::string_view path);

class entity_duty {
 public:
  /// All are on, but for `off`; or, when it is not empty, only `on`. Both have typeNames or paths; what the model does
  /// not have is passed over.
  [[nodiscard]] static entity_duty of(const entity_model& model, const std::vector<std::string>& on,
                                      const std::vector<std::string>& off);

  [[nodiscard]] bool is_on(std::string_view path) const;
  /// False: it was so before. errc::not_found for an entity that the model does not have, errc::too_large when both
  /// lists would be longer than entity_marks_max.
  [[nodiscard]] expected<bool> turn(std::string_view path, bool on);
  /// errc::too_large as turn().
  [[nodiscard]] expected<void> check() const;

  /// What the node's services have in addition.
  [[nodiscard]] std::vector<std::string> marks() const;
  [[nodiscard]] const std::map<std::string, bool, std::less<>>& all() const noexcept { return on_; }

 private:
  [[nodiscard]] std::size_t count(bool on) const;

  std::map<std::string, bool, std::less<>> on_;  // by path
};

/// What a member's services say of an entity; an empty path stands for the model itself.
[[nodiscard]] bool tells_entity(const std::vector<std::string>& services, std::string_view path);

/// Members other than this node that may be asked for the entity, the best first, at most entity_places_max: those that
/// are alive before those that are suspected or flap, last those that told that it is off, for news may be a moment
/// old; among equals another one first with each `turn`. They point into `v`.
[[nodiscard]] std::vector<const member*> places_of_entity(const cluster_view& v, std::string_view path,
                                                          std::uint64_t turn);

}  // namespace troupe
