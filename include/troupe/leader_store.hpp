// A leader store: one small shared value, kept outside the cluster, that decides who leads.
//
// The picture: one entry under one key. A candidate takes it by compare-and-set under a higher term, the
// leader renews it, and who finds that it has not changed for a whole lease, by his own monotonic clock,
// may take it. So a store needs no clock: it needs a compare-and-set that is atomic at the server.
//
// Calls block until their deadline at the latest and come from one thread at a time; watch and end_watch
// come from another one beside them. A call that failed with anything but condition_failed may have been
// done, or may yet be: callers read again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <troupe/error.hpp>
#include <troupe/ids.hpp>
#include <troupe/time.hpp>

namespace troupe {

struct leader_entry {
  std::uint64_t version = 0;  // drawn at random for each change, never 0, never used twice
  std::uint64_t term = 0;     // 0: a cluster was founded, nobody has led it yet
  std::string leader;         // name of the member that has the term
  incarnation_id leader_id;   // of its process
  std::string address;        // where who wrote the entry is reached by other members: host:port
  duration lease{};           // whole milliseconds
  bool floor_open = false;    // the store forgot, and not every member has shown its highest term since
  std::string record;         // the cluster record: opaque to the store
  bool released = false;      // the leader gave its lease back before its end; compare_and_set clears it

  bool operator==(const leader_entry&) const = default;
};

inline constexpr std::size_t leader_key_bytes_max = 200;  // what memcached takes, with some room
inline constexpr std::size_t leader_entry_bytes_max = 4U << 20U;

struct leader_reading {
  std::optional<leader_entry> entry;  // none: nothing is under the key
  /// Another number than in the reading before when the store may have restarted since (a client may
  /// count its connections): what it kept then is not sure to be its latest.
  std::uint64_t run = 0;
};

class leader_store {
 public:
  virtual ~leader_store() = default;

  /// "redis", "etcd", ...: for people.
  [[nodiscard]] virtual std::string name() const = 0;
  /// Why a write that was confirmed may be lost all the same; empty: it may not. Asked after each call.
  [[nodiscard]] virtual std::string may_forget() const = 0;

  /// errc::corrupt when something else is under the key, errc::access_denied, errc::unavailable,
  /// errc::deadline_exceeded.
  [[nodiscard]] virtual expected<leader_reading> get(const std::string& key, time_point deadline) = 0;

  /// Writes `next` if the entry's version is `version`; 0: if there is none. errc::condition_failed when it
  /// is another, or when the store itself knows that another process' lease runs; errc::too_large; the others as get.
  [[nodiscard]] virtual expected<void> compare_and_set(const std::string& key, std::uint64_t version,
                                                       const leader_entry& next, time_point deadline) = 0;

  /// Changes the version alone. Errors as compare_and_set.
  [[nodiscard]] virtual expected<void> renew(const std::string& key, std::uint64_t version, std::uint64_t next_version,
                                             time_point deadline) = 0;

  /// The same, and marks the entry as released.
  [[nodiscard]] virtual expected<void> release(const std::string& key, std::uint64_t version,
                                               std::uint64_t next_version, time_point deadline) = 0;

  /// Returns when the entry's version is, or may be, another than `version` (0: there is no entry), whenever it
  /// became so: it tells somebody to read, and no rule relies on it. errc::deadline_exceeded when it was `version`
  /// all the time, errc::not_implemented when this store cannot tell, errc::unavailable and others as get.
  ///
  /// From one thread of its own, beside the other calls: a client has a connection of its own for it, which it
  /// keeps from one call to the next. Deadlines are short, since the end of a node waits for this call.
  [[nodiscard]] virtual expected<void> watch(const std::string& key, std::uint64_t version, time_point deadline);
  /// From the thread that watches: it will not for a while, the connection can go.
  virtual void end_watch() {}
};

inline expected<void> leader_store::watch(const std::string&, std::uint64_t, time_point) {
  return fail(errc::not_implemented, name() + " cannot be watched");
}

}  // namespace troupe
