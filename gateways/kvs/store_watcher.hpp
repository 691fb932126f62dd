// Telling when a leader's entry changes, for stores whose servers can: a subscription on a connection of its own,
// kept from one call to the next, and the version that it last told. What is particular to a server is in the
// three functions below.
//
// Used by one thread, which need not be the one that uses the store otherwise.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

namespace troupe {

class store_watcher {
 public:
  virtual ~store_watcher() = default;

  /// As leader_store::watch. After any error but deadline_exceeded the next call subscribes anew.
  [[nodiscard]] expected<void> watch(const std::string& key, std::uint64_t version, time_point deadline);
  /// As leader_store::end_watch.
  void end();

 protected:
  /// Subscribes, then reads the entry's version, so that no change is missed; 0: there is no entry.
  [[nodiscard]] virtual expected<std::uint64_t> subscribe(const std::string& key, time_point deadline) = 0;
  /// The next version that the server tells of. errc::deadline_exceeded: none yet; what has come already is taken
  /// also when the deadline has passed.
  [[nodiscard]] virtual expected<std::uint64_t> next(time_point deadline) = 0;
  virtual void drop() noexcept = 0;

 private:
  [[nodiscard]] expected<void> begin(const std::string& key, time_point deadline);
  [[nodiscard]] expected<bool> take_told();

  std::string key_;
  std::optional<std::uint64_t> last_;  // told or read; none: not subscribed
};

/// The number that the stores keep as text; none: it is something else.
[[nodiscard]] std::optional<std::uint64_t> store_version_in(std::string_view text) noexcept;

/// Has the kernel find out within 11 s when the server's host is gone: a watcher sends nothing itself.
void watch_peer(int socket) noexcept;

}  // namespace troupe
