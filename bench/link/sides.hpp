// The contenders: each can serve in one process and be asked from another over loopback.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

namespace troupe::bench {

inline constexpr std::size_t payload_size = 100;

/// The asking half. Each call returns seconds.
class client {
 public:
  virtual ~client() = default;
  /// `count` requests, `window` of them in flight.
  virtual double requests(int count, int window) = 0;
  /// `count` messages without an answer, until the server has seen the last; 0 when the side has none.
  virtual double one_way(int count) = 0;
};

/// The serving half: `ready` is told what a client must know, then it serves until `ended` returns.
using server = std::function<void(const std::function<void(std::string)>& ready, const std::function<void()>& ended)>;

[[nodiscard]] server serve_raw();
[[nodiscard]] std::unique_ptr<client> ask_raw(const std::string& where);

/// CAF's own network layer; `tuned`: scheduler policy sharing with one thread, else its defaults.
[[nodiscard]] server serve_basp(bool tuned);
[[nodiscard]] std::unique_ptr<client> ask_basp(const std::string& where, bool tuned);

/// Actors over the cluster link, and the link's own requests.
[[nodiscard]] server serve_troupe();
[[nodiscard]] std::unique_ptr<client> ask_troupe_actor(const std::string& where);
[[nodiscard]] std::unique_ptr<client> ask_troupe_request(const std::string& where);

/// Erlang's distribution, where it is installed.
[[nodiscard]] bool has_erlang();
[[nodiscard]] server serve_erlang();
[[nodiscard]] std::unique_ptr<client> ask_erlang(const std::string& where);

// The same actors for both kinds of remote handle.
[[nodiscard]] caf::actor spawn_echo(caf::actor_system& system);
[[nodiscard]] double actor_requests(caf::actor_system& system, const caf::actor& echo, int count, int window);
[[nodiscard]] double actor_one_way(caf::actor_system& system, const caf::actor& echo, int count);

[[nodiscard]] double seconds_of(const std::function<void()>& work);

}  // namespace troupe::bench
