// Host names and service records, asked of DNS by c-ares (docs/adr/0008): the hosts file, then the
// system's servers or the one that was named.
//
// It waits: for a thread of its own, never an actor's or an I/O thread. One thread asks; cancel() may come
// from any other and ends the question under way at once.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <troupe/error.hpp>

namespace troupe {

class name_resolver {
 public:
  static constexpr int try_timeout_ms = 1000;  // of the first question to a server; c-ares doubles it
  static constexpr int tries = 2;
  static constexpr std::size_t answers_max = 256;

  /// `server` is "ip", "ip:port" or empty for the system's. errc::invalid_argument when it is none.
  [[nodiscard]] static expected<std::unique_ptr<name_resolver>> make(const std::string& server);
  ~name_resolver();

  name_resolver(const name_resolver&) = delete;
  name_resolver& operator=(const name_resolver&) = delete;

  /// All A and AAAA addresses, numeric and sorted. errc::not_found when there is no such name,
  /// errc::unavailable when nobody answered or it was cancelled.
  [[nodiscard]] expected<std::vector<std::string>> addresses_of(const std::string& host);

  struct service {
    std::string host;
    std::uint16_t port = 0;
  };
  /// The SRV records of a name (RFC 2782), in no order. Errors as above.
  [[nodiscard]] expected<std::vector<service>> services_of(const std::string& name);

  /// Ends the question under way and all later ones.
  void cancel();

 private:
  class core;
  explicit name_resolver(std::unique_ptr<core> c);
  std::unique_ptr<core> core_;
};

}  // namespace troupe
