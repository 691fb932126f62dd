#include "actors/handlers/handler_pool.hpp"

#include <exception>
#include <utility>

namespace troupe {

bool handler_pool::submit(task t) {
  const std::lock_guard lock(mutex_);
  if (stopping_ || tasks_.size() >= queue_max_) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  tasks_.push_back(std::move(t));
  if (idle_ < tasks_.size() && threads_.size() < threads_max_) threads_.emplace_back([this] { work(); });
  wake_.notify_one();
  return true;
}

void handler_pool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    wake_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
    --idle_;
    if (stopping_) return;
    task next = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    try {
      next(stopping_);
    } catch (const std::exception&) {  // an embedder's handler: its failure is no answer
    }
    next = nullptr;
    lock.lock();
  }
}

void handler_pool::stop() {
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    tasks_.clear();
    threads.swap(threads_);
  }
  wake_.notify_all();
  for (auto& t : threads) t.join();
}

}  // namespace troupe
