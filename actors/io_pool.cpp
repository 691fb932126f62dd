#include "actors/io_pool.hpp"

#include <algorithm>

#include <pthread.h>

namespace troupe {

namespace {

constexpr unsigned threads_by_default_max = 8;

}  // namespace

io_pool::io_pool(unsigned threads) {
  if (threads == 0) threads = std::clamp(std::thread::hardware_concurrency(), 1u, threads_by_default_max);
  for (unsigned i = 0; i < threads; ++i) {
    contexts_.push_back(std::make_unique<boost::asio::io_context>(1));
    guards_.emplace_back(contexts_.back()->get_executor());
  }
}

io_pool::~io_pool() { stop(); }

void io_pool::start() {
  for (auto& context : contexts_) {
    threads_.emplace_back([&loop = *context] { loop.run(); });
    pthread_setname_np(threads_.back().native_handle(), "troupe-io");
  }
}

void io_pool::stop() {
  for (auto& context : contexts_) context->stop();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

boost::asio::io_context& io_pool::next() noexcept {
  return *contexts_[turn_.fetch_add(1, std::memory_order_relaxed) % contexts_.size()];
}

boost::asio::io_context& io_pool::here() noexcept {
  for (auto& context : contexts_) {
    if (context->get_executor().running_in_this_thread()) return *context;
  }
  return *contexts_.front();
}

}  // namespace troupe
