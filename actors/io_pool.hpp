// The I/O threads of a node: one loop each, so that whatever belongs to one connection runs on one
// thread at a time and needs no lock. Doors spread accepted sockets over them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "actors/io_loop.hpp"
#include "actors/metrics.hpp"

namespace troupe {

class io_pool {
 public:
  /// `threads` of 0 means one for each core, at most 8.
  explicit io_pool(unsigned threads);
  ~io_pool();

  io_pool(const io_pool&) = delete;
  io_pool& operator=(const io_pool&) = delete;

  static constexpr std::chrono::seconds work_max{2};

  void start();
  /// Waits for work that handlers left (io_loop) for at most work_max, ends the loops and joins the threads. False when
  /// some work is not over: its thread is joined by the destructor. Idempotent.
  bool stop();
  /// As io_loop::close and reopen, of all loops.
  bool close_work();
  void reopen_work();

  [[nodiscard]] std::size_t size() const noexcept { return loops_.size(); }
  [[nodiscard]] boost::asio::io_context& context(std::size_t index) noexcept { return loops_[index]->context(); }
  void register_metrics(metrics& m);
  /// Since the start, of all loops (io_loop).
  [[nodiscard]] std::uint64_t works() const noexcept;
  [[nodiscard]] std::uint64_t takeovers() const noexcept;
  /// The context for the next connection, in turn.
  [[nodiscard]] boost::asio::io_context& next() noexcept;
  /// The context that the calling thread runs; the first for a thread that is none of the pool's.
  [[nodiscard]] boost::asio::io_context& here() noexcept;

 private:
  std::vector<std::unique_ptr<io_loop>> loops_;
  std::atomic<std::size_t> turn_{0};
};

}  // namespace troupe
