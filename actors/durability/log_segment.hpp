// One open segment of the log: a file that only grows. What was not written whole is taken back.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>

namespace troupe {

/// Its path in the log's directory.
[[nodiscard]] std::string segment_path(const std::string& directory, std::uint64_t number);
/// Numbers of the segments that there are, ascending; storage_failed when the directory cannot be read.
[[nodiscard]] expected<std::vector<std::uint64_t>> segments_in(const std::string& directory);
/// Names made and removed in it are on the disk.
[[nodiscard]] expected<void> sync_directory(const std::string& directory);

class log_segment {
 public:
  log_segment() = default;
  log_segment(log_segment&& other) noexcept;
  log_segment& operator=(log_segment&& other) noexcept;
  ~log_segment();

  /// A new file with its header. errc::storage_failed; there is no file then.
  [[nodiscard]] static expected<log_segment> create(const std::string& directory, std::uint64_t number,
                                                    std::uint64_t shards);

  /// All of it, or none. errc::storage_failed; `spoilt()` when what was written of it cannot be taken back.
  [[nodiscard]] expected<void> append(std::string_view bytes);
  /// On the disk. After a failure nothing is known of what was written before: the segment is spoilt.
  [[nodiscard]] expected<void> sync();

  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
  [[nodiscard]] bool spoilt() const noexcept { return spoilt_; }
  void spoil() noexcept { spoilt_ = true; }
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  /// On the disk, of size().
  [[nodiscard]] std::uint64_t synced() const noexcept { return synced_; }
  /// Another descriptor of the file, for who syncs it meanwhile; -1: there is none.
  [[nodiscard]] int duplicate() const noexcept;
  /// That one has synced the first bytes.
  void note_synced(std::uint64_t bytes) noexcept { synced_ = bytes > synced_ ? bytes : synced_; }

 private:
  [[nodiscard]] tl::unexpected<error> failed() const;

  int fd_ = -1;
  bool spoilt_ = false;
  std::uint64_t number_ = 0;
  std::uint64_t size_ = 0;
  std::uint64_t synced_ = 0;
  std::string path_;
};

}  // namespace troupe
