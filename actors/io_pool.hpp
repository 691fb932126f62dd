// The I/O threads of a node: one Asio io_context each, so that whatever belongs to one connection
// stays on one thread and needs no lock. Doors spread accepted sockets over them.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

namespace troupe {

class io_pool {
 public:
  /// `threads` of 0 means one for each core, at most 8.
  explicit io_pool(unsigned threads);
  ~io_pool();

  io_pool(const io_pool&) = delete;
  io_pool& operator=(const io_pool&) = delete;

  void start();
  /// Ends the loops and joins the threads; what was not run is destroyed. Idempotent.
  void stop();

  [[nodiscard]] std::size_t size() const noexcept { return contexts_.size(); }
  [[nodiscard]] boost::asio::io_context& context(std::size_t index) noexcept { return *contexts_[index]; }
  /// The context for the next connection, in turn.
  [[nodiscard]] boost::asio::io_context& next() noexcept;
  /// The context that the calling thread runs; the first for a thread that is none of the pool's.
  [[nodiscard]] boost::asio::io_context& here() noexcept;

 private:
  using guard = boost::asio::executor_work_guard<boost::asio::io_context::executor_type>;

  std::vector<std::unique_ptr<boost::asio::io_context>> contexts_;
  std::vector<guard> guards_;
  std::vector<std::thread> threads_;
  std::atomic<std::size_t> turn_{0};
};

}  // namespace troupe
