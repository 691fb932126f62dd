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
  if (auto written = write_durably(directory.file("probe"), "x"); !written) return tl::unexpected(written.error());
  ::unlink(directory.file("probe").c_str());
  return directory;
}

data_directory::data_directory(data_directory&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

data_directory::~data_directory() {
  if (lock_ >= 0) ::close(lock_);
}

}  // namespace troupe
