#include "actors/disk/disk_writer.hpp"

#include <map>

#include <pthread.h>

#include "actors/disk/durable_file.hpp"

namespace troupe {

disk_writer::disk_writer() : thread_([this] { run(); }) { pthread_setname_np(thread_.native_handle(), "troupe-disk"); }

disk_writer::~disk_writer() { stop(); }

void disk_writer::write(std::string path, std::string bytes, callback done) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      jobs_.push_back({std::move(path), std::move(bytes), std::move(done)});
      work_.notify_one();
      return;
    }
  }
  done(fail(errc::unavailable, "the node is stopping"));
}

void disk_writer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    work_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void disk_writer::run() {
  for (;;) {
    std::vector<job> batch;
    {
      std::unique_lock lock(mutex_);
      work_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      batch.swap(jobs_);
    }
    std::map<std::string, std::size_t> last;
    for (std::size_t i = 0; i < batch.size(); ++i) last[batch[i].path] = i;
    std::map<std::string, expected<void>> results;
    for (const auto& [path, index] : last) results[path] = write_durably(path, batch[index].bytes);
    for (auto& j : batch) {
      if (j.done) j.done(results[j.path]);
    }
  }
}

}  // namespace troupe
