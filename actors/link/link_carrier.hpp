// What stands in for TCP: who carries the frames of a peer, and who makes the connections. A node dials and accepts
// by itself; a simulated one (actors/simulation) is given a carrier.
#pragma once

#include <memory>
#include <string>

#include <troupe/ids.hpp>

namespace troupe {

class link_peer;

/// Takes frames out of a peer's queue: a connection.
class link_outlet {
 public:
  virtual ~link_outlet() = default;
  /// Something waits in the peer's queue. Called under the peer's lock: it is taken later.
  virtual void flush() = 0;
  /// The same, when a write on the caller's thread is worth its time. Called without locks.
  virtual void write_now() { flush(); }
};

/// Both on the table's home thread.
class link_carrier {
 public:
  virtual ~link_carrier() = default;
  /// The peer needs a connection: link_table::carry or fail_dial follows, once.
  virtual void dial(const std::shared_ptr<link_peer>& peer, const std::string& address,
                    const incarnation_id& wanted) = 0;
  /// The peer is dead: its connection, if it has one, ends.
  virtual void on_lost(const std::shared_ptr<link_peer>& peer) = 0;
};

}  // namespace troupe
