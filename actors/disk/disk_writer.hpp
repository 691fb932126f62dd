// One thread that writes small durable files in the order asked, so that no actor blocks on fsync.
//
// Of several waiting writes to one file only the last is carried out; all their callbacks run then.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <troupe/error.hpp>

namespace troupe {

class disk_writer {
 public:
  /// Runs on the writer's thread; must only hand over.
  using callback = std::function<void(const expected<void>&)>;

  disk_writer();
  ~disk_writer();

  disk_writer(const disk_writer&) = delete;
  disk_writer& operator=(const disk_writer&) = delete;

  void write(std::string path, std::string bytes, callback done);

  /// Carries out what waits, then ends. Idempotent.
  void stop();

 private:
  struct job {
    std::string path;
    std::string bytes;
    callback done;
  };

  void run();

  std::mutex mutex_;
  std::condition_variable work_;
  std::vector<job> jobs_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace troupe
