// A RESP door on a real loopback socket with real I/O threads, and a blocking client for it.
#pragma once

#include <charconv>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "gateways/resp/resp_door.hpp"
#include "tests/resp/map_cache.hpp"
#include "tests/resp/raw_client.hpp"

namespace troupe::resp {

/// Keys that start with "held:" are answered when the test says so; "far:" by another thread.
class busy_cache : public map_cache {
 public:
  busy_cache() : worker_([this] { work(); }) {}
  ~busy_cache() override {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    worker_.join();
  }

  [[nodiscard]] bool try_now(const cache_command& c, time_point now, visitor visit) override {
    if (c.key.starts_with("held:") || c.key.starts_with("far:")) return false;
    return map_cache::try_now(c, now, visit);
  }

  void submit(const cache_command& c, time_point, reply_callback done) override {
    auto reply = answer_to(c, std::chrono::steady_clock::now());
    const bool held = c.key.starts_with("held:");
    if (!held && !c.key.starts_with("far:")) return done(std::move(reply));
    {
      const std::lock_guard lock(mutex_);
      (held ? held_ : far_).emplace_back(std::move(done), std::move(reply));
    }
    changed_.notify_all();
  }

  /// Waits until `count` are held.
  void wait_for_held(std::size_t count) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, std::chrono::seconds(patience_s), [&] { return held_.size() >= count; }));
  }
  void release() { answer_all(held_); }

 private:
  using waiting = std::vector<std::pair<reply_callback, owned_reply>>;

  void answer_all(waiting& from) {
    waiting taken;
    {
      const std::lock_guard lock(mutex_);
      taken.swap(from);
    }
    for (auto at = taken.rbegin(); at != taken.rend(); ++at) at->first(std::move(at->second));
  }

  void work() {
    std::unique_lock lock(mutex_);
    while (!ended_) {
      changed_.wait(lock, [this] { return ended_ || !far_.empty(); });
      lock.unlock();
      answer_all(far_);
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  waiting held_;
  waiting far_;
  bool ended_ = false;
  std::thread worker_;
};

struct loopback : testing::Test {
  loopback() { settings.resp.bind = "127.0.0.1:0"; }
  ~loopback() override {
    door.reset();
    io.stop();
  }

  void open() {
    door = make_door();
    io.start();
    const auto opened = door->open();
    ASSERT_TRUE(opened) << describe(opened.error());
  }
  std::unique_ptr<resp_door> make_door() {
    return std::make_unique<resp_door>(door_context{settings, io, *log, numbers, events, board, cache, [] {}});
  }
  client connect(int receive_max = 0) { return client(door->address(), receive_max); }

  /// The value of a metric's line, e.g. `troupe_resp_commands_total`; -1 when it is missing.
  double metric(const std::string& name) {
    const auto text = "\n" + numbers.expose();
    const auto at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
  }

  config settings;
  io_pool io{2};
  std::shared_ptr<event_log> log = event_log::none();
  metrics numbers;
  event_hub events;
  cluster_board board;
  busy_cache cache;
  std::unique_ptr<resp_door> door;
};

}  // namespace troupe::resp
