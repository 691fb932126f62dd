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

kvs_file::kvs_file(std::string path)
    : path_(std::move(path)), thread_("troupe-kvsdisk", [this](std::vector<job>& batch) {
        for (auto& j : batch) j.done(carry_out(j.what));
      }) {}

kvs_file::~kvs_file() { stop(); }

expected<kvs_image> kvs_file::read() {
  thread_.wait_idle();
  const auto bytes = read_whole(path_, bytes_max);
  if (!bytes && bytes.error().code == errc::not_found) return kvs_image{};
  if (!bytes) return tl::unexpected(bytes.error());
  auto image = read_kvs_journal(*bytes);
  if (!image) return fail(image.error().code, path_ + ": " + image.error().context);
  return image;
}

void kvs_file::write(kvs_write w, callback done) {
  job j{std::move(w), std::move(done)};
  if (!thread_.push(j)) j.done(fail(errc::unavailable, "the node is stopping"));
}

void kvs_file::stop() {
  thread_.stop();
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
  const bool known = ::fstat(file_, &before) == 0;
  if (known && write_all(file_, bytes) && ::fdatasync(file_) == 0) return {};
  auto failure = fail(errc::storage_failed, path_ + ": " + std::strerror(errno));
  if (known && ::ftruncate(file_, before.st_size) == 0) (void)::fsync(file_);
  close();
  return failure;
}

void kvs_file::close() {
  if (file_ >= 0) ::close(std::exchange(file_, -1));
}

}  // namespace troupe
