// A cache_access in memory for tests and the bench of the HTTP door: one map under one lock, and
// switches for what a real cluster may do (answer later, fail, never answer).
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "actors/cache/change_queue.hpp"
#include "runtime/cache/cache_access.hpp"

namespace troupe {

class fake_cache final : public cache_access {
 public:
  [[nodiscard]] std::optional<cache_id> find(std::string_view name) const noexcept override {
    if (name == "default") return 0;
    if (name == "other one") return 1;
    return std::nullopt;
  }

  [[nodiscard]] bool try_now(const cache_command& command, time_point, visitor visit) override {
    if (elsewhere.load(std::memory_order_relaxed)) return false;
    const std::lock_guard lock(mutex_);
    carry_out(command, visit);
    return true;
  }

  /// Held back until release(); with `fails_with` set the answer is that.
  void submit(const cache_command& command, time_point, reply_callback done) override {
    const std::lock_guard lock(mutex_);
    waiting_.emplace_back(owned_command(command), std::move(done));
  }

  /// One subscriber at a time: `told` is what it takes from, `subscribed` what it asked for.
  [[nodiscard]] expected<std::shared_ptr<change_queue>> subscribe(std::string_view cache,
                                                                  const change_options& options) override {
    const std::lock_guard lock(mutex_);
    if (!find(cache)) return fail(errc::not_found, "no cache " + std::string(cache) + " is declared");
    if (told) return fail(errc::unavailable, "too many subscribers at this node");
    subscribed = options;
    told = std::make_shared<change_queue>(options, [this] { ++unsubscribed; });
    return told;
  }
  std::shared_ptr<change_queue> told;  // written before the head of the stream is sent
  change_options subscribed;
  std::atomic<int> unsubscribed{0};

  [[nodiscard]] std::uint64_t topology_version() const noexcept override { return 0; }
  [[nodiscard]] usage measure() const override { return {}; }

  [[nodiscard]] std::size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
  }

  /// Answers what was submitted, in order, on the caller's thread.
  std::size_t release(errc fails_with = errc::ok, std::string context = {}) {
    std::vector<std::pair<owned_command, reply_callback>> work;
    {
      const std::lock_guard lock(mutex_);
      work.swap(waiting_);
    }
    for (auto& [command, done] : work) {
      owned_reply reply = owned_reply::failed(fails_with, context);
      if (fails_with == errc::ok) {
        const std::lock_guard lock(mutex_);
        carry_out(command.borrow(), [&](const cache_reply& r) {
          reply.code = r.code;
          reply.version = r.version;
          reply.ttl = r.ttl;
          reply.value = std::string(r.value);
        });
      }
      done(std::move(reply));
    }
    return work.size();
  }

  /// What try_now answers to every command; ok: the truth.
  void fail_now(errc code) { fails_ = code; }

  std::atomic<bool> elsewhere{false};  // try_now is refused

 private:
  struct entry {
    std::string value;
    std::uint64_t version = 0;
    duration ttl{};
  };

  void carry_out(const cache_command& c, visitor visit) {
    cache_reply reply;
    if (fails_ != errc::ok) {
      reply.code = fails_;
      return visit(reply);
    }
    auto& entries = entries_[c.cache];
    const auto found = entries.find(c.key);
    const bool present = found != entries.end();
    if (!holds(c, present ? found->second.version : 0)) {
      reply.code = c.op == cache_op::erase && !present ? errc::not_found : errc::condition_failed;
    } else if (c.op == cache_op::put) {
      auto& e = present ? found->second : entries.emplace(std::string(c.key), entry{}).first->second;
      e.value = c.value;
      e.version = ++versions_;
      e.ttl = c.ttl;
      reply.version = e.version;
      reply.ttl = e.ttl;
    } else if (!present) {
      reply.code = errc::not_found;
    } else if (c.op == cache_op::erase) {
      entries.erase(found);
    } else {
      reply.version = found->second.version;
      reply.ttl = found->second.ttl;
      if (c.op == cache_op::get) reply.value = found->second.value;
    }
    visit(reply);
  }

  static bool holds(const cache_command& c, std::uint64_t version) {
    switch (c.condition) {
      case write_condition::if_absent: return version == 0;
      case write_condition::if_present: return version != 0;
      case write_condition::if_version: return version == c.version;
      default: return true;
    }
  }

  mutable std::mutex mutex_;
  std::map<std::string, entry, std::less<>> entries_[2];
  std::uint64_t versions_ = 0;
  errc fails_ = errc::ok;
  std::vector<std::pair<owned_command, reply_callback>> waiting_;
};

}  // namespace troupe
