// The file of a backup (docs/DURABILITY.md): magic, a header, records of pages, and at the end how many entries there
// are and a checksum over everything before. Written and read a record at a time.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include <troupe/error.hpp>

#include "runtime/durability/log_record.hpp"

namespace troupe::cli {

inline constexpr std::string_view backup_magic = "troupeBK";
inline constexpr std::uint64_t backup_version = 1;

class backup_writer {
 public:
  explicit backup_writer(std::FILE* to) : to_(to) {}
  /// Each false when it could not be written, with errno set.
  [[nodiscard]] bool begin();
  /// Whole records.
  [[nodiscard]] bool add(std::string_view records, std::uint64_t entries);
  [[nodiscard]] bool finish();
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::uint64_t entries() const noexcept { return entries_; }

 private:
  [[nodiscard]] bool put(std::string_view bytes);

  std::FILE* to_;
  std::uint32_t sum_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t entries_ = 0;
};

class backup_reader {
 public:
  explicit backup_reader(std::FILE* from) : from_(from) {}
  /// errc::corrupt when it is no backup, or of a newer version.
  [[nodiscard]] expected<void> begin();
  /// The next page, with its bytes; false behind the last one, when the end was as it should be. errc::corrupt when
  /// something is damaged or cut off. Valid until the next call.
  [[nodiscard]] expected<bool> next();
  [[nodiscard]] const log_record& record() const noexcept { return record_; }
  [[nodiscard]] const std::string& bytes() const noexcept { return frame_; }
  [[nodiscard]] std::uint64_t entries() const noexcept { return entries_; }
  [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }

 private:
  [[nodiscard]] bool read_frame();

  std::FILE* from_;
  std::string frame_;
  log_record record_;
  std::uint32_t sum_ = 0;
  std::uint64_t offset_ = 0;
  std::uint64_t entries_ = 0;
};

}  // namespace troupe::cli
