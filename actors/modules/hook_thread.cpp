#include "actors/modules/hook_thread.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include <pthread.h>

namespace troupe {

struct hook_thread::state {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::function<void()>> waiting;
  bool busy = false;
  bool stopping = false;
  bool ended = false;
  std::thread thread;

  void loop() {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [this] { return stopping || !waiting.empty(); });
      if (waiting.empty()) break;
      auto next = std::move(waiting.front());
      waiting.pop_front();
      busy = true;
      lock.unlock();
      next();
      next = nullptr;
      lock.lock();
      busy = false;
      changed.notify_all();
    }
    ended = true;
    changed.notify_all();
  }
};

hook_thread::hook_thread(const std::string& name) : state_(std::make_shared<state>()) {
  state_->thread = std::thread([s = state_] { s->loop(); });
  pthread_setname_np(state_->thread.native_handle(), name.substr(0, 15).c_str());
}

hook_thread::~hook_thread() { (void)stop(duration::zero()); }

void hook_thread::push(std::function<void()> f) {
  const std::lock_guard lock(state_->mutex);
  if (state_->stopping) return;
  state_->waiting.push_back(std::move(f));
  state_->changed.notify_all();
}

bool hook_thread::stop(duration limit) {
  std::thread thread;
  std::deque<std::function<void()>> dropped;
  bool ended = false;
  {
    std::unique_lock lock(state_->mutex);
    state_->stopping = true;
    state_->changed.notify_all();
    // An idle thread ends at once; one that is in a hook is given the limit.
    ended = state_->changed.wait_for(lock, limit, [this] { return state_->ended; });
    if (!ended && !state_->busy && state_->waiting.empty()) {
      state_->changed.wait(lock, [this] { return state_->ended; });
      ended = true;
    }
    if (!ended) dropped.swap(state_->waiting);
    thread = std::move(state_->thread);
  }
  if (thread.joinable()) {
    if (ended)
      thread.join();
    else
      thread.detach();
  }
  return ended;
}

}  // namespace troupe
