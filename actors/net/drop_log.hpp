// One line a minute for each source of datagrams that were dropped, and one a second for all of them:
// whoever sends garbage shall not fill the log. The counters count every one. For one thread.
#pragma once

#include <map>
#include <string>

#include <troupe/time.hpp>

#include "actors/log.hpp"
#include "actors/net/packet_seal.hpp"

namespace troupe {

class drop_log {
 public:
  static constexpr duration source_interval = std::chrono::minutes(1);
  static constexpr duration line_interval = std::chrono::seconds(1);
  static constexpr std::size_t sources_max = 256;

  explicit drop_log(event_log& log) : log_(log) {}

  /// `from` is "host:port"; a source is a host. True when a line was written.
  bool note(const std::string& from, packet_drop why, time_point now);

 private:
  event_log& log_;
  std::map<std::string, time_point> told_;  // by host
  time_point last_line_{};
};

}  // namespace troupe
