#include "actors/cluster/store_runner.hpp"

#include <utility>

#include <pthread.h>

namespace troupe {

store_runner::store_runner(std::shared_ptr<leader_store> store, std::string key)
    : store_(std::move(store)), key_(std::move(key)), thread_([this] { run(); }) {
  pthread_setname_np(thread_.native_handle(), "troupe-kvs");
}

store_runner::~store_runner() { stop(); }

void store_runner::ask(store_request request, callback done) {
  const auto deadline = std::chrono::steady_clock::now() + request.limit;
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  jobs_.push_back({std::move(request), deadline, std::move(done)});
  work_.notify_one();
}

void store_runner::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    work_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void store_runner::run() {
  for (;;) {
    job next;
    {
      std::unique_lock lock(mutex_);
      work_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      next = std::move(jobs_.front());
      jobs_.pop_front();
    }
    auto result = carry_out(next);
    next.done({next.request.number, std::move(result), store_->may_forget()});
  }
}

expected<leader_reading> store_runner::carry_out(const job& j) {
  const auto& r = j.request;
  expected<void> done;
  switch (r.what) {
    case store_call::read: return store_->get(key_, j.deadline);
    case store_call::set: done = store_->compare_and_set(key_, r.version, r.next, j.deadline); break;
    case store_call::renew: done = store_->renew(key_, r.version, r.next.version, j.deadline); break;
    case store_call::release: done = store_->release(key_, r.version, r.next.version, j.deadline); break;
  }
  if (!done) return tl::unexpected(std::move(done.error()));
  return leader_reading{};
}

}  // namespace troupe
