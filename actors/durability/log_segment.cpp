#include "actors/durability/log_segment.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "actors/disk/durable_file.hpp"
#include "runtime/durability/log_record.hpp"

namespace troupe {

namespace {

constexpr std::string_view name_begins = "log-";
constexpr std::size_t digits = 10;

}  // namespace

std::string segment_path(const std::string& directory, std::uint64_t number) {
  char name[32];
  (void)std::snprintf(name, sizeof name, "/log-%010llu", static_cast<unsigned long long>(number));
  return directory + name;
}

expected<std::vector<std::uint64_t>> segments_in(const std::string& directory) {
  std::vector<std::uint64_t> found;
  std::error_code ec;
  for (std::filesystem::directory_iterator at(directory, ec), end; !ec && at != end; at.increment(ec)) {
    const auto name = at->path().filename().string();
    if (!name.starts_with(name_begins) || name.size() < name_begins.size() + digits) continue;
    std::uint64_t number = 0;
    const auto* last = name.data() + name.size();
    const auto [stop, fault] = std::from_chars(name.data() + name_begins.size(), last, number);
    if (fault == std::errc() && stop == last && number > 0) found.push_back(number);
  }
  if (ec) return fail(errc::storage_failed, directory + ": " + ec.message());
  std::sort(found.begin(), found.end());
  return found;
}

expected<void> sync_directory(const std::string& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool done = fd >= 0 && ::fsync(fd) == 0;
  const int fault = errno;
  if (fd >= 0) ::close(fd);
  if (!done) return fail(errc::storage_failed, directory + ": " + std::strerror(fault));
  return {};
}

log_segment::log_segment(log_segment&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      spoilt_(other.spoilt_),
      number_(other.number_),
      size_(other.size_),
      synced_(other.synced_),
      path_(std::move(other.path_)) {}

log_segment& log_segment::operator=(log_segment&& other) noexcept {
  if (this == &other) return *this;
  if (fd_ >= 0) ::close(fd_);
  fd_ = std::exchange(other.fd_, -1);
  spoilt_ = other.spoilt_;
  number_ = other.number_;
  size_ = other.size_;
  synced_ = other.synced_;
  path_ = std::move(other.path_);
  return *this;
}

log_segment::~log_segment() {
  if (fd_ >= 0) ::close(fd_);
}

tl::unexpected<error> log_segment::failed() const {
  return fail(errc::storage_failed, path_ + ": " + std::strerror(errno));
}

expected<log_segment> log_segment::create(const std::string& directory, std::uint64_t number, std::uint64_t shards) {
  log_segment s;
  s.number_ = number;
  s.path_ = segment_path(directory, number);
  s.fd_ = ::open(s.path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
  if (s.fd_ < 0) return s.failed();
  log_record header;
  header.kind = record_kind::header;
  header.version = log_version;
  header.number = number;
  header.shards = shards;
  std::string bytes(log_magic);
  append_record(bytes, header);
  auto written = s.append(bytes);
  if (written) written = s.sync();
  if (written) written = sync_directory(directory);
  if (!written) {
    ::unlink(s.path_.c_str());
    return tl::unexpected<error>(std::move(written.error()));
  }
  return s;
}

expected<void> log_segment::append(std::string_view bytes) {
  if (write_all(fd_, bytes)) {
    size_ += bytes.size();
    return {};
  }
  auto fault = failed();
  if (::ftruncate(fd_, static_cast<off_t>(size_)) != 0) spoilt_ = true;
  return fault;
}

expected<void> log_segment::sync() {
  if (::fdatasync(fd_) == 0) {
    synced_ = size_;
    return {};
  }
  spoilt_ = true;
  return failed();
}

int log_segment::duplicate() const noexcept { return ::fcntl(fd_, F_DUPFD_CLOEXEC, 0); }

}  // namespace troupe
