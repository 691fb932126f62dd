// One thread that writes small durable files in the order asked, so that no actor blocks on fsync.
//
// Of several waiting writes to one file only the last is carried out; all their callbacks run then.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <troupe/error.hpp>

#include "actors/job_thread.hpp"

namespace troupe {

class disk_writer {
 public:
  /// Runs on the writer's thread; must only hand over.
  using callback = std::function<void(const expected<void>&)>;

  disk_writer();

  disk_writer(const disk_writer&) = delete;
  disk_writer& operator=(const disk_writer&) = delete;

  void write(std::string path, std::string bytes, callback done);

  /// Carries out what waits, then ends. Idempotent.
  void stop() { thread_.stop(); }

 private:
  struct job {
    std::string path;
    std::string bytes;
    callback done;
  };

  static void carry_out(std::vector<job>& batch);

  job_thread<job> thread_;
};

}  // namespace troupe
