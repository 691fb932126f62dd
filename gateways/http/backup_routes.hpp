// The routes behind `troupe backup` and `troupe restore`: all caches of the cluster, page by page, through any node.
#pragma once

#include <troupe/config.hpp>

#include "gateways/http/routes.hpp"
#include "runtime/cache/cache_access.hpp"

namespace troupe {

/// Pages of a backup hold about so much, and one value more at the most; records within them as well.
inline constexpr std::uint64_t backup_page_max = 4 * mib;
inline constexpr std::uint64_t backup_record_max = 256 * kib;
/// Keys that one page looks at.
inline constexpr std::size_t backup_keys_max = 512;

[[nodiscard]] expected<void> add_backup_routes(http_routes& to, cache_access& caches, const config& settings);

}  // namespace troupe
