// What happens to the values of a node's shards, for the two who want to know of it: those who subscribed (change_link)
// and the reminders of grains. Each is told what it wants; the shards see one listener.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>

#include "runtime/cache/change_listener.hpp"

namespace troupe {

class change_fanout final : public change_listener {
 public:
  enum class seat : std::uint8_t { subscribers, reminders, seats };

  /// Null: nobody. Calls under way may still reach who was there before.
  void set(seat s, change_listener* to) noexcept { at(s).store(to); }
  [[nodiscard]] bool any() const noexcept {
    for (const auto& each : to_) {
      if (each.load() != nullptr) return true;
    }
    return false;
  }

  [[nodiscard]] bool wants(cache_id cache) const noexcept override {
    for (const auto& each : to_) {
      const auto* to = each.load(std::memory_order_acquire);
      if (to != nullptr && to->wants(cache)) return true;
    }
    return false;
  }
  void on_change(std::uint32_t shard, const key_change& c, std::uint64_t sequence) override {
    tell([&](change_listener& to) {
      if (to.wants(c.cache)) to.on_change(shard, c, sequence);
    });
  }
  void on_committed(std::uint32_t shard, std::uint64_t sequence) override {
    tell([&](change_listener& to) { to.on_committed(shard, sequence); });
  }
  void on_begin(std::uint32_t shard, std::uint64_t epoch, std::uint64_t version) override {
    tell([&](change_listener& to) { to.on_begin(shard, epoch, version); });
  }
  void on_end(std::uint32_t shard, std::uint64_t version) override {
    tell([&](change_listener& to) { to.on_end(shard, version); });
  }

 private:
  [[nodiscard]] std::atomic<change_listener*>& at(seat s) noexcept { return to_[static_cast<std::size_t>(s)]; }
  template <class F>
  void tell(F&& f) {
    for (const auto& each : to_) {
      if (auto* to = each.load(std::memory_order_acquire)) f(*to);
    }
  }

  std::array<std::atomic<change_listener*>, static_cast<std::size_t>(seat::seats)> to_{};
};

}  // namespace troupe
