// What happens to keys, for whoever wants to hear it: the events of Redis' keyspace notifications, told by the primary
// of a key as they happen. A name is Redis' ("lpush", "expired"); its kind is the class by which it is asked for.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

namespace troupe {

namespace event_kind {

inline constexpr std::uint32_t generic = 1u << 0;
inline constexpr std::uint32_t string = 1u << 1;
inline constexpr std::uint32_t list = 1u << 2;
inline constexpr std::uint32_t set = 1u << 3;
inline constexpr std::uint32_t hash = 1u << 4;
inline constexpr std::uint32_t sorted_set = 1u << 5;
inline constexpr std::uint32_t expired = 1u << 6;
inline constexpr std::uint32_t evicted = 1u << 7;
inline constexpr std::uint32_t stream = 1u << 8;   // there are none
inline constexpr std::uint32_t module = 1u << 9;   // there are none
inline constexpr std::uint32_t fresh = 1u << 10;   // "new"
inline constexpr std::uint32_t missed = 1u << 11;  // "keymiss"

}  // namespace event_kind

/// Called under the lock of the key's shard, from any thread: it gathers and leaves. Outlives its last call.
class keyspace_listener {
 public:
  virtual ~keyspace_listener() = default;
  /// `name` is a constant, `key` is borrowed.
  virtual void on_event(std::uint32_t kind, std::string_view name, std::string_view key) = 0;

  [[nodiscard]] bool wants(std::uint32_t kind) const noexcept {
    return (kinds_.load(std::memory_order_relaxed) & kind) != 0;
  }

 protected:
  std::atomic<std::uint32_t> kinds_{0};
};

}  // namespace troupe
