// The SQL files of a namespace, read from disk: DIRECTORY/NAMESPACE/DIALECT/NUMBER_NAME.sql.
#pragma once

#include <string>
#include <vector>

#include <troupe/database.hpp>

namespace troupe {

inline constexpr std::size_t migration_bytes_max = 4 * 1024 * 1024;
inline constexpr std::size_t migrations_max = 9999;

/// In the order of their numbers; none when the folder of the dialect is not there. errc::bad_config, with every fault
/// a line, for files that are not named so, share a number, are too large or cannot be read, and for a `directory`
/// that does not exist.
[[nodiscard]] expected<std::vector<migration>> read_migrations(const std::string& directory,
                                                               const std::string& name_space, sql_dialect dialect);

}  // namespace troupe
