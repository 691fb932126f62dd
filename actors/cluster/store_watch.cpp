#include "actors/cluster/store_watch.hpp"

#include <utility>

#include <pthread.h>

namespace troupe {

store_watch::store_watch(std::shared_ptr<leader_store> store, std::string key, ports p, random rng)
    : store_(std::move(store)), key_(std::move(key)), ports_(std::move(p)), rng_(rng), thread_([this] { loop(); }) {
  pthread_setname_np(thread_.native_handle(), "troupe-watch");
}

void store_watch::follow(std::optional<store_sight> sight) {
  const std::lock_guard held(mutex_);
  wanted_ = sight;
  changed_.notify_all();
}

void store_watch::stop() {
  {
    const std::lock_guard held(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void store_watch::loop() {
  lock held(mutex_);
  while (const auto from = next(held)) {
    if (!watch(held, *from)) break;
  }
  held.unlock();
  store_->end_watch();
}

std::optional<store_sight> store_watch::next(lock& held) {
  const auto ready = [this] { return stopping_ || (wanted_ && wanted_ != told_); };
  if (!changed_.wait_for(held, ports_.idle, ready)) {
    held.unlock();
    store_->end_watch();
    held.lock();
    changed_.wait(held, ready);
  }
  if (stopping_) return std::nullopt;
  // It was looked at because of the hint, and was what it had been.
  const bool nothing_new = told_ && told_->version == wanted_->version;
  if (told_ && !nothing_new) pauses_.reset();
  told_.reset();
  if (nothing_new) {
    ++numbers_.false_hints;
    pause(held);
    return next(held);
  }
  return wanted_;
}

bool store_watch::watch(lock& held, const store_sight& from) {
  held.unlock();
  const auto done = store_->watch(key_, from.version, std::chrono::steady_clock::now() + slice);
  held.lock();
  if (stopping_) return false;
  if (!done && done.error().code == errc::not_implemented) return false;
  if (!done && done.error().code != errc::deadline_exceeded) {
    on_failure(held, done.error());
    return true;
  }
  failing_ = false;
  if (!done)
    pauses_.reset();
  else if (wanted_ && wanted_->version == from.version)
    tell(held);
  return true;
}

void store_watch::tell(lock& held) {
  told_ = wanted_;
  held.unlock();
  const bool taken = ports_.hint();
  held.lock();
  if (taken) return;
  told_.reset();
  pause(held);
}

void store_watch::on_failure(lock& held, const error& why) {
  ++numbers_.failures;
  if (!std::exchange(failing_, true) && ports_.failed) {
    held.unlock();
    ports_.failed(why);
    held.lock();
  }
  pause(held);
}

void store_watch::pause(lock& held) {
  changed_.wait_for(held, pauses_.next(rng_), [this] { return stopping_; });
}

}  // namespace troupe
