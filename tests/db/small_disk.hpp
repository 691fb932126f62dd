// A file system of 1 MiB in memory, where the test may mount one.
#pragma once

#include <filesystem>
#include <string>

#include <sys/mount.h>

namespace troupe {

class small_disk {
 public:
  explicit small_disk(const std::string& path) : path_(path) {
    std::filesystem::create_directories(path_);
    mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=1m") == 0;
  }
  ~small_disk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;

  [[nodiscard]] bool mounted() const noexcept { return mounted_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
  bool mounted_ = false;
};

}  // namespace troupe
