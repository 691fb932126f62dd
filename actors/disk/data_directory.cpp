#include "actors/disk/data_directory.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "actors/disk/durable_file.hpp"

namespace troupe {
namespace {

// Not synced: a full or read-only disk refuses the write itself.
bool can_write(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  const bool written = write_all(fd, "x");
  const int why = errno;
  ::close(fd);
  ::unlink(path.c_str());
  errno = why;
  return written;
}

}  // namespace

expected<data_directory> data_directory::open(const std::string& path) {
  std::error_code ec;
  std::filesystem::create_directories(path, ec);
  if (ec) return fail(errc::storage_failed, "data directory " + path + ": " + ec.message());
  const std::string lock_path = path + "/lock";
  const int fd = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return fail(errc::storage_failed, "data directory " + path + ": " + std::strerror(errno));
  data_directory directory(path, fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    return fail(errc::storage_failed, "data directory " + path + ": another node is using it");
  }
  if (!can_write(directory.file("probe")))
    return fail(errc::storage_failed, "data directory " + path + ": " + std::strerror(errno));
  return directory;
}

data_directory::data_directory(data_directory&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

data_directory::~data_directory() {
  if (lock_ >= 0) ::close(lock_);
}

}  // namespace troupe
