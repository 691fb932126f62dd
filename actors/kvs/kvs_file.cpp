#include "actors/kvs/kvs_file.hpp"

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/disk/durable_file.hpp"

namespace troupe {

namespace {

bool write_all(int fd, std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

kvs_file::kvs_file(std::string path) : path_(std::move(path)), thread_([this] { run(); }) {
  pthread_setname_np(thread_.native_handle(), "troupe-kvsdisk");
}

kvs_file::~kvs_file() { stop(); }

expected<kvs_image> kvs_file::read() {
  {
    std::unique_lock lock(mutex_);
    work_.wait(lock, [this] { return jobs_.empty() && !busy_; });
  }
  const auto bytes = read_whole(path_, bytes_max);
  if (!bytes && bytes.error().code == errc::not_found) return kvs_image{};
  if (!bytes) return tl::unexpected(bytes.error());
  auto image = read_kvs_journal(*bytes);
  if (!image) return fail(image.error().code, path_ + ": " + image.error().context);
  return image;
}

void kvs_file::write(kvs_write w, callback done) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      jobs_.push_back({std::move(w), std::move(done)});
      work_.notify_all();
      return;
    }
  }
  done(fail(errc::unavailable, "the node is stopping"));
}

void kvs_file::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    work_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void kvs_file::run() {
  for (;;) {
    job next;
    {
      std::unique_lock lock(mutex_);
      work_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (jobs_.empty()) break;
      next = std::move(jobs_.front());
      jobs_.pop_front();
      busy_ = true;
    }
    next.done(carry_out(next.what));
    const std::lock_guard lock(mutex_);
    busy_ = false;
    work_.notify_all();
  }
  close();
}

expected<void> kvs_file::carry_out(const kvs_write& w) {
  if (!w.whole) return append(w.bytes);
  close();
  if (auto done = write_durably(path_, w.bytes); !done) return done;
  file_ = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (file_ < 0) return fail(errc::storage_failed, path_ + ": " + std::strerror(errno));
  return {};
}

expected<void> kvs_file::append(const std::string& bytes) {
  if (file_ < 0) return fail(errc::storage_failed, path_ + ": not open since the last failure");
  struct stat before {};
  if (::fstat(file_, &before) == 0 && write_all(file_, bytes) && ::fdatasync(file_) == 0) return {};
  auto failure = fail(errc::storage_failed, path_ + ": " + std::strerror(errno));
  if (::ftruncate(file_, before.st_size) == 0) (void)::fsync(file_);
  close();
  return failure;
}

void kvs_file::close() {
  if (file_ >= 0) ::close(std::exchange(file_, -1));
}

}  // namespace troupe
