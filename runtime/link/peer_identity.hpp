// Who is at the other end of a link: one incarnation of one member.
#pragma once

#include <string>

#include <troupe/ids.hpp>

namespace troupe {

struct peer_identity {
  std::string name;
  incarnation_id id;
  std::string address;  // "host:port" as it advertises itself

  bool operator==(const peer_identity&) const = default;
};

/// Whom to reach: the node at `address`, and when `id` is not empty only that incarnation of it.
struct link_target {
  std::string address;
  incarnation_id id;
};

}  // namespace troupe
