// Which keys of this node other nodes keep in their near caches, and what is to be told to them: the owner's side of
// near_cache.hpp.
//
// A session begins with its first poll. on_read comes before the read is done, so that every later write is told. A
// session that keeps too much, or is told too much between two polls, is told that everything may have changed. One
// that does not poll is forgotten: its node has ceased to serve what it had long before.
//
// Pure: called from one thread at a time.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/time.hpp>

#include "runtime/cache/command.hpp"
#include "runtime/cache/near_message.hpp"

namespace troupe {

/// Told of writes as they are applied, under the lock of the key's shard.
class write_watcher {
 public:
  virtual ~write_watcher() = default;
  /// Somebody wants to know.
  [[nodiscard]] virtual bool interested() const noexcept = 0;
  virtual void on_write(cache_id cache, std::string_view key) = 0;
  /// Everything of the cache, in some shard.
  virtual void on_drop(cache_id cache) = 0;
  /// A shard is served here no more.
  virtual void on_lost() = 0;
};

class near_interest {
 public:
  static constexpr std::size_t sessions_max = 256;
  static constexpr std::size_t keys_max = 65'536;  // of a session; beyond it the oldest is told of as if it had changed
  /// Without a poll; longer than near_cache::trust.
  static constexpr duration silence_max = std::chrono::seconds(5);

  /// A node with this session is about to read the key. False: the session is not known, the value is not to be kept.
  [[nodiscard]] bool on_read(std::uint64_t session, cache_id cache, std::string_view key);
  void on_write(cache_id cache, std::string_view key);
  void on_drop(cache_id cache);
  void on_lost();
  [[nodiscard]] near_answer on_poll(std::uint64_t session, time_point now);
  /// Forgets sessions that poll no more.
  void on_tick(time_point now);

  [[nodiscard]] bool any() const noexcept { return !sessions_.empty(); }
  /// Keys of all sessions.
  [[nodiscard]] std::size_t keys() const noexcept;

 private:
  using name = std::pair<cache_id, std::string>;
  struct session {
    std::uint64_t answered = 0;
    time_point polled;
    bool reset = false;
    std::map<name, std::list<name>::iterator> keys;
    std::list<name> ages;  // of keys, the oldest first
    std::vector<near_answer::change> changes;
  };

  static void tell(session& s, near_answer::change c);
  static void forget_all(session& s);

  std::map<std::uint64_t, session> sessions_;
};

}  // namespace troupe
