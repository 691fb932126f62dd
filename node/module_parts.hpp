// What the modules that need no node (member_list, leader_election, local_cache, sql_pool) share: their settings are a
// node's configuration with one service of the module's own, so that one set of rules checks both.
#pragma once

#include <memory>
#include <string>

#include <troupe/config.hpp>
#include <troupe/error.hpp>

#include "actors/log.hpp"

namespace troupe {

/// Makes `module` the one service of `c` and checks it. errc::bad_config with every fault, one a line.
[[nodiscard]] expected<void> check_module(config& c, const std::string& module);

/// The log of a module; `level` as in the configuration, or "off". Sets log.level of `c`, so before check_module; the
/// log is opened after it.
inline constexpr const char* log_off = "off";
void set_log_level(config& c, const std::string& level);
[[nodiscard]] expected<std::shared_ptr<event_log>> open_module_log(const config& c, const std::string& level);

/// Clusters of modules have names that no cluster of nodes can have: what they say is not for each other.
[[nodiscard]] std::string module_cluster(const std::string& module, const std::string& name);

/// `told`, with the port of `bound` in the place of a port 0; `bound` when nothing was told.
[[nodiscard]] std::string advertised_address(const std::string& told, const std::string& bound);

}  // namespace troupe
