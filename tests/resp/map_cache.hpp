// A cache in memory, for the RESP tests and benches: striped maps, versions, expiry by the time given.
// The real one (replication, eviction, other nodes) has its own tests.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>

#include "runtime/cache/cache_access.hpp"

namespace troupe::resp {

class map_cache : public cache_access {
 public:
  [[nodiscard]] std::optional<cache_id> find(std::string_view name) const noexcept override {
    return name == "default" ? std::optional<cache_id>(7) : std::nullopt;
  }

  [[nodiscard]] bool try_now(const cache_command& command, time_point now, visitor visit) override {
    auto& s = stripe_of(command.key);
    const std::lock_guard lock(s.mutex);
    visit(execute(s, command, now));
    return true;
  }

  void submit(const cache_command& command, time_point, reply_callback done) override {
    done(answer_to(command, std::chrono::steady_clock::now()));
  }

  [[nodiscard]] std::uint64_t topology_version() const noexcept override { return 1; }

  [[nodiscard]] usage measure() const override {
    usage u;
    for (const auto& s : stripes_) {
      const std::lock_guard lock(s.mutex);
      u.keys += s.entries.size();
    }
    u.bytes = u.keys * 100;
    u.bytes_max = 256 * 1024 * 1024;
    return u;
  }

  /// The command's answer as an owned one, at the time `now`.
  [[nodiscard]] owned_reply answer_to(const cache_command& command, time_point now) {
    owned_reply reply;
    (void)map_cache::try_now(command, now, [&](const cache_reply& r) {
      reply.code = r.code;
      reply.version = r.version;
      reply.ttl = r.ttl;
      reply.value = r.value;
    });
    return reply;
  }

 private:
  struct entry {
    std::string value;
    std::uint64_t version = 0;
    time_point end = time_point::max();
  };
  struct by_text {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
  };
  struct alignas(64) stripe {
    mutable std::mutex mutex;
    std::unordered_map<std::string, entry, by_text, std::equal_to<>> entries;
    std::uint64_t versions = 0;
  };

  stripe& stripe_of(std::string_view key) { return stripes_[by_text()(key) % stripes_.size()]; }

  static bool holds(const cache_command& c, const entry* found) {
    switch (c.condition) {
      case write_condition::none: return true;
      case write_condition::if_absent: return found == nullptr;
      case write_condition::if_present: return found != nullptr;
      case write_condition::if_version: return found != nullptr && found->version == c.version;
    }
    return false;
  }

  static cache_reply execute(stripe& s, const cache_command& c, time_point now) {
    auto at = s.entries.find(c.key);
    if (at != s.entries.end() && at->second.end <= now) {
      s.entries.erase(at);
      at = s.entries.end();
    }
    entry* found = at == s.entries.end() ? nullptr : &at->second;
    cache_reply r;
    if (c.op == cache_op::put) return put(s, c, found, now);
    if (found == nullptr) {
      r.code = errc::not_found;
    } else if (c.op == cache_op::erase) {
      if (holds(c, found))
        s.entries.erase(at);
      else
        r.code = errc::condition_failed;
    } else {
      r.version = found->version;
      r.ttl = found->end == time_point::max() ? duration::zero() : found->end - now;
      if (c.op == cache_op::get) r.value = found->value;
    }
    return r;
  }

  static cache_reply put(stripe& s, const cache_command& c, entry* found, time_point now) {
    cache_reply r;
    if (!holds(c, found)) {
      r.code = errc::condition_failed;
      return r;
    }
    if (found == nullptr) found = &s.entries.try_emplace(std::string(c.key)).first->second;
    found->value = c.value;
    if (!c.keep_ttl) found->end = c.ttl == duration::zero() ? time_point::max() : now + c.ttl;
    r.version = found->version = ++s.versions;
    return r;
  }

  std::array<stripe, 256> stripes_;
};

}  // namespace troupe::resp
