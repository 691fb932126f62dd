// `troupe node`: runs one node until it is told to leave.
//
// SIGTERM, SIGINT or SIGHUP: leave and drain, bounded by node.drain_timeout; a second signal ends the
// process at once. A watchdog ends it when the departure itself hangs. As PID 1 of a container it
// also reaps orphans.
#pragma once

#include <string>

#include <troupe/config.hpp>

namespace troupe::cli {

/// The exit code. `program` is argv[0], for the lines to try.
[[nodiscard]] int run_node(const config_sources& sources, const std::string& program);

}  // namespace troupe::cli
