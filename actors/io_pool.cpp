#include "actors/io_pool.hpp"

#include <algorithm>
#include <thread>

namespace troupe {

namespace {

constexpr unsigned threads_by_default_max = 8;

}  // namespace

io_pool::io_pool(unsigned threads) {
  if (threads == 0) threads = std::clamp(std::thread::hardware_concurrency(), 1u, threads_by_default_max);
  for (unsigned i = 0; i < threads; ++i) loops_.push_back(std::make_unique<io_loop>());
}

io_pool::~io_pool() { stop(); }

void io_pool::start() {
  for (auto& loop : loops_) loop->start();
}

bool io_pool::stop() {
  const bool over = close_work();
  for (auto& loop : loops_) loop->stop();
  for (auto& loop : loops_) loop->join();
  return over;
}

bool io_pool::close_work() {
  const auto end = io_loop::time_source::now() + work_max;
  bool over = true;
  for (auto& loop : loops_) over &= loop->close(end - io_loop::time_source::now());
  return over;
}

void io_pool::reopen_work() {
  for (auto& loop : loops_) loop->reopen();
}

void io_pool::register_metrics(metrics& m) {
  m.read_counter("troupe_io_actor_turns_total", "Turns of actors on the I/O thread that their message came on", {},
                 [this] { return static_cast<double>(works()); });
  m.read_counter("troupe_io_takeovers_total", "I/O loops that another thread took over, because such a turn lasted", {},
                 [this] { return static_cast<double>(takeovers()); });
}

std::uint64_t io_pool::works() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& loop : loops_) sum += loop->works();
  return sum;
}

std::uint64_t io_pool::takeovers() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& loop : loops_) sum += loop->takeovers();
  return sum;
}

boost::asio::io_context& io_pool::next() noexcept {
  return context(turn_.fetch_add(1, std::memory_order_relaxed) % loops_.size());
}

boost::asio::io_context& io_pool::here() noexcept {
  for (auto& loop : loops_) {
    if (loop->context().get_executor().running_in_this_thread()) return loop->context();
  }
  return context(0);
}

}  // namespace troupe
