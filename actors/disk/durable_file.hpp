// Small files that must survive a crash whole: the old bytes or the new ones, never a mixture.
//
// Written to a neighbour, flushed, renamed over, and the directory flushed (the recipe of LWN 457667).
// Blocks: not for actors or I/O threads, see disk_writer.
#pragma once

#include <string>
#include <string_view>

#include <troupe/error.hpp>

namespace troupe {

/// storage_failed with the path and the system's word; the old file is then untouched.
[[nodiscard]] expected<void> write_durably(const std::string& path, std::string_view bytes);

/// All of it, over short writes and interruptions; false with errno set.
[[nodiscard]] bool write_all(int fd, std::string_view bytes) noexcept;

/// not_found when there is no such file, too_large beyond `bytes_max`, storage_failed otherwise.
[[nodiscard]] expected<std::string> read_whole(const std::string& path, std::size_t bytes_max);

}  // namespace troupe
