#include "node/standstill.hpp"

#include <condition_variable>
#include <cstddef>
#include <mutex>

#include <boost/asio/post.hpp>

namespace troupe {

class standstill::barrier {
 public:
  void stand() {
    std::unique_lock lock(mutex_);
    ++standing_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return over_; });
  }

  void wait_for(std::size_t threads) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return standing_ == threads; });
  }

  void let_go() {
    const std::lock_guard lock(mutex_);
    over_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t standing_ = 0;
  bool over_ = false;
};

standstill::standstill(io_pool& io, const std::vector<actor_runtime*>& actors)
    : io_(io), barrier_(std::make_shared<barrier>()) {
  (void)io.close_work();  // while the loops go on: what is under way may need them
  const auto stand = [b = barrier_] { b->stand(); };
  for (std::size_t i = 0; i < io.size(); ++i) boost::asio::post(io.context(i), stand);
  auto threads = io.size();
  for (auto* a : actors) {
    a->run_on_each_worker(stand);
    threads += a->workers();
  }
  barrier_->wait_for(threads);
}

standstill::~standstill() {
  io_.reopen_work();  // first: who is let go may leave some at once
  barrier_->let_go();
}

}  // namespace troupe
