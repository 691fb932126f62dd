// One request to a cache, as it travels between a door, a shard store and another node.
//
// A cache_command borrows its key and value: it is valid only as long as the buffer it was parsed
// from. What has to wait (another node, the database) is copied into an owned_command first.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <troupe/cache.hpp>
#include <troupe/error.hpp>
#include <troupe/time.hpp>

#include "runtime/cache/procedures/procedure.hpp"

namespace troupe {

/// Position of a cache in this node's catalogue; not the same on every node (the wire carries names).
using cache_id = std::uint16_t;

enum class cache_op : std::uint8_t {
  get,    // value, version and ttl; not_found when absent
  head,   // the same without the value
  put,    // the new version; condition_failed, out_of_memory, too_large
  erase,  // not_found when absent; condition_failed
  run,    // a procedure (runtime/cache/procedures); its own refusals are in the reply's text; out_of_memory
};

/// A run names its procedure, and its value is the packed words after the procedure's name (procedures/words.hpp), keys
/// among them; `key` is one of these keys, all of which lie in one slot. The reply's value is what a Redis client gets,
/// in the protocol asked for.
struct cache_command {
  cache_op op = cache_op::get;
  std::uint8_t protocol = 2;  // of a run: RESP 2 or 3
  cache_id cache = 0;
  write_condition condition = write_condition::none;
  bool keep_ttl = false;
  bool awaits = false;  // a get that may be answered late, when a loader has brought the value: it travels alone
  troupe::procedure procedure = troupe::procedure::none;
  std::uint64_t version = 0;  // for if_version
  duration ttl{};             // 0: the value does not expire
  duration wall{};            // of a run: the time since 1970, set where it is done; does not travel
  std::string_view key;
  std::string_view value;
};

/// It may change something.
[[nodiscard]] constexpr bool is_write(const cache_command& c) noexcept {
  return c.op == cache_op::put || c.op == cache_op::erase || (c.op == cache_op::run && may_write(c.procedure));
}
[[nodiscard]] constexpr bool is_plain_read(const cache_command& c) noexcept {
  return c.op == cache_op::get || c.op == cache_op::head;
}

struct cache_reply {
  errc code = errc::ok;
  std::uint64_t version = 0;
  duration ttl{};          // what is left; 0: never expires
  bool stale = false;      // see cache_value; with not_found: it is being loaded, and may be awaited
  std::string_view value;  // borrowed: valid only inside the visitor that receives it
};

struct owned_command {
  cache_command command;  // key and value are set by borrow()
  std::string key;
  std::string value;

  explicit owned_command(const cache_command& c) : command(c), key(c.key), value(c.value) {}

  /// The command with its views on this object's own bytes.
  [[nodiscard]] cache_command borrow() const noexcept {
    cache_command c = command;
    c.key = key;
    c.value = value;
    return c;
  }
};

struct owned_reply {
  errc code = errc::ok;
  std::uint64_t version = 0;
  duration ttl{};
  bool stale = false;
  std::string value;
  std::string context;  // for people, when code is not ok

  [[nodiscard]] static owned_reply failed(errc code, std::string context = {}) {
    owned_reply r;
    r.code = code;
    r.context = std::move(context);
    return r;
  }
};

/// Called exactly once, on any thread of the node; must not block.
using reply_callback = std::function<void(owned_reply)>;

}  // namespace troupe
