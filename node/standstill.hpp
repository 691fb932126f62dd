// A node that stands still: every I/O thread and every worker of its actors is held from the moment the
// object is made until it ends, as under SIGSTOP. The kernel goes on accepting and buffering for it.
//
// Its disk and database threads finish what they have begun, and their answers wait.
#pragma once

#include <memory>
#include <vector>

#include "actors/io_pool.hpp"
#include "actors/supervision/actor_runtime.hpp"

namespace troupe {

class standstill {
 public:
  /// Returns when all threads are held, and no actor runs on one of them (io_loop).
  standstill(io_pool& io, const std::vector<actor_runtime*>& actors);
  ~standstill();

  standstill(const standstill&) = delete;
  standstill& operator=(const standstill&) = delete;

 private:
  class barrier;
  io_pool& io_;
  std::shared_ptr<barrier> barrier_;
};

}  // namespace troupe
