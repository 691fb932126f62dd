// What doors and the leader's store ask of the key-value service.
#pragma once

#include <functional>

#include "runtime/kvs/kvs_machine.hpp"

namespace troupe {

/// Keys that begin so belong to the cluster itself: users read them only.
inline constexpr std::string_view kvs_own_prefix = "troupe/";

class kvs_access {
 public:
  using callback = std::function<void(kvs_result)>;

  virtual ~kvs_access() = default;

  /// `done` runs once, at the request's deadline at the latest while the node's actors run, on any thread, possibly
  /// before this returns; it must only hand over. The request's id is given here.
  virtual void ask(kvs_request r, callback done) = 0;

  /// As it was a moment ago.
  [[nodiscard]] virtual kvs_status status() const = 0;
};

}  // namespace troupe
