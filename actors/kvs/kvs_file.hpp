// The file of a member of the key-value service, and the one thread that writes it: appended batches, or the whole
// anew; every write is on the disk before its callback runs.
//
// What a failed append left is cut off again, and nothing more is appended: the machine then writes the whole.
#pragma once

#include <functional>
#include <string>

#include <troupe/error.hpp>

#include "actors/job_thread.hpp"
#include "runtime/kvs/acceptor.hpp"

namespace troupe {

class kvs_file {
 public:
  /// Runs on the file's thread; must only hand over.
  using callback = std::function<void(const expected<void>&)>;
  static constexpr std::size_t bytes_max = 1U << 30U;

  explicit kvs_file(std::string path);
  ~kvs_file();

  kvs_file(const kvs_file&) = delete;
  kvs_file& operator=(const kvs_file&) = delete;

  /// What is there once nothing is being written; nothing when there is no file. errc::storage_failed, errc::corrupt,
  /// errc::too_large.
  [[nodiscard]] expected<kvs_image> read();

  void write(kvs_write w, callback done);

  /// Carries out what waits, then ends. Idempotent.
  void stop();

 private:
  struct job {
    kvs_write what;
    callback done;
  };

  [[nodiscard]] expected<void> carry_out(const kvs_write& w);
  [[nodiscard]] expected<void> append(const std::string& bytes);
  void close();

  const std::string path_;
  int file_ = -1;  // the thread's
  job_thread<job> thread_;
};

}  // namespace troupe
