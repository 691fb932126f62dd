// The node's data directory: made when missing, proven writable, held by one process at a time.
#pragma once

#include <string>

#include <troupe/error.hpp>

namespace troupe {

class data_directory {
 public:
  /// storage_failed when it cannot be created, written or locked (another node holds it).
  [[nodiscard]] static expected<data_directory> open(const std::string& path);

  data_directory(data_directory&& other) noexcept;
  data_directory& operator=(data_directory&&) = delete;
  ~data_directory();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  data_directory(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}

  std::string path_;
  int lock_;  // of the file `lock`; the lock ends with the descriptor
};

}  // namespace troupe
