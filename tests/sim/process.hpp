// What the simulator runs: one process of one node, made of real machines, on virtual time.
//
// The world calls in, the process answers through `outside`. All calls happen in one thread. The
// channel `datagram` may lose, duplicate and reorder; `stream` stands for the cluster link: in order,
// without loss, until it breaks (then on_link_lost, and what was under way is gone). Every process has
// a clock of its own: `now` of two processes cannot be compared.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <troupe/time.hpp>

#include "runtime/base/random.hpp"

namespace troupe::sim {

using node_index = std::uint32_t;

enum class channel : std::uint8_t { datagram, stream };

/// Survives a crash of its process unless the plan says that the disk is lost.
using disk = std::map<std::string, std::string>;

/// What a process may do to the world, valid as long as the process lives.
class outside {
 public:
  virtual ~outside() = default;
  /// A stream packet to a peer that cannot be reached is dropped, and on_link_lost follows.
  virtual void send(node_index to, channel how, std::string bytes) = 0;
  /// Replaces the whole file, atomically. Durable after a simulated delay; `done` is called then,
  /// unless the process crashed before (the write may or may not have happened then).
  virtual void write(std::string file, std::string bytes, std::function<void()> done) = 0;
  /// What is durable now: writes that are not done yet are not in it.
  [[nodiscard]] virtual const disk& files() const = 0;
  /// Of the calendar, which a restart does not set back as it does the clock. Since the world began.
  [[nodiscard]] virtual duration time_of_day() const = 0;
  /// A note in the run's trace, printed when the run fails.
  virtual void trace(std::string line) = 0;
};

class process {
 public:
  virtual ~process() = default;
  virtual void on_start(time_point now) = 0;
  virtual void on_packet(node_index from, channel how, std::string_view bytes, time_point now) = 0;
  virtual void on_link_lost(node_index peer, time_point now) = 0;
  /// The same, for those who care how it ended. `closed`: the peer's host closed it (its process ended,
  /// or nothing listens); otherwise nothing was heard for too long.
  virtual void on_link_ended(node_index peer, bool closed, time_point now) {
    static_cast<void>(closed);
    on_link_lost(peer, now);
  }
  virtual void on_tick(time_point now) = 0;
  /// When on_tick wants to be called next; time_point::max() for never. Asked after every call.
  [[nodiscard]] virtual time_point next_tick() const = 0;
  /// Begins a graceful departure.
  virtual void leave(time_point now) = 0;
  /// True when the process wants to exit (its departure is done). Asked after every call.
  [[nodiscard]] virtual bool finished() const { return false; }
};

/// Makes the process of `index` for its n-th start (0, 1, ...). Called when the process starts;
/// on_start follows at once.
using process_factory =
    std::function<std::unique_ptr<process>(node_index index, std::uint32_t start, outside&, random rng)>;

}  // namespace troupe::sim
