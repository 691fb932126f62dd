// Files that a configuration names, read whole and with a limit.
#pragma once

#include <string>

#include <troupe/error.hpp>

namespace troupe {

/// The bytes of the file; a pipe will do. errc::not_found when it cannot be opened or read,
/// errc::too_large beyond `bytes_max`; the context says why, without the path.
[[nodiscard]] expected<std::string> read_file(const std::string& path, std::size_t bytes_max);

}  // namespace troupe
