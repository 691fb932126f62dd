// The HTTP door: a listening socket, a lane on each I/O thread, and the table of what it answers.
//
// A door made with `http_door(context)` has the routes of the cluster, the cache, events, health and
// metrics; modules add theirs to routes() before open(). What it does not do: TLS, authentication,
// HTTP/2.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/door_context.hpp"
#include "gateways/http/routes.hpp"
#include "gateways/listener.hpp"

namespace troupe {

class http_lane;
struct http_shared;
struct event_stream_counts;

class http_door final : public door {
 public:
  explicit http_door(door_context context);
  ~http_door() override;

  /// For more rows, before open().
  [[nodiscard]] http_routes& routes() noexcept { return routes_; }

  [[nodiscard]] expected<void> open() override;
  [[nodiscard]] std::string address() const override;
  void drain(std::function<void()> done) override;
  void close() override;

 private:
  void expose_numbers();

  door_context context_;
  std::shared_ptr<event_stream_counts> event_counts_;
  http_routes routes_;
  expected<void> routes_added_;
  listener listener_;
  std::shared_ptr<http_shared> shared_;
  std::vector<std::shared_ptr<http_lane>> lanes_;
};

}  // namespace troupe
