// Whether the modules that an embedder brings are sound, by themselves and with the configuration.
#pragma once

#include <string>
#include <vector>

#include <troupe/config.hpp>
#include <troupe/error.hpp>
#include <troupe/module.hpp>

namespace troupe {

[[nodiscard]] std::vector<std::string> module_names(const std::vector<module>& all);

/// Before anything of a node is made: errc::bad_config with every fault of the modules and of their blocks in `c`.
[[nodiscard]] expected<void> check_modules(const std::vector<module>& all, const config& c);

}  // namespace troupe
