// Reads the records of one segment, and judges what is wrong at its end.
//
//   a record that is not whole, in the last segment, with no proof that it once was    torn: cut there
//   the same, but a later record says that the log was on the disk beyond it            damaged
//   the same in an earlier segment, which was on the disk before the next one began     damaged
//   a segment of another program, a newer version                                       foreign
//
// A torn tail is what a crash leaves; damage is not, and reading past it would give back what was never acknowledged.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <troupe/error.hpp>

#include "runtime/durability/log_record.hpp"

namespace troupe {

inline constexpr std::uint32_t frame_word = 0xd15c10c5;

/// Over the size and the bytes of a record.
[[nodiscard]] std::uint32_t frame_sum(std::string_view payload) noexcept;

/// The payloads of frames that lie one behind the other.
class frame_view {
 public:
  explicit frame_view(std::string_view bytes) noexcept : bytes_(bytes) {}
  /// False at the end, and where no whole frame follows.
  [[nodiscard]] bool next(std::string_view& payload) noexcept;
  [[nodiscard]] bool at_end() const noexcept { return bytes_.empty(); }
  [[nodiscard]] std::string_view rest() const noexcept { return bytes_; }

 private:
  std::string_view bytes_;
};
/// The size of the payload behind a frame's head; none when it is no head.
[[nodiscard]] std::optional<std::uint64_t> payload_size(std::string_view head) noexcept;

class log_reader {
 public:
  enum class ending : std::uint8_t { none, clean, torn, damaged };

  /// `bytes`: a whole segment. `last`: no other follows.
  log_reader(std::string_view bytes, bool last) noexcept : bytes_(bytes), last_(last) {}

  /// The first record, of a segment that this program may read. errc::not_found: a last segment that ends before its
  /// first record is whole, so nothing was in it. errc::corrupt: damaged, foreign, or of a newer version.
  [[nodiscard]] expected<log_record> open();

  /// The next record; false at the end, see how().
  [[nodiscard]] bool next(log_record& into);

  [[nodiscard]] ending how() const noexcept { return how_; }
  /// Behind the last whole record.
  [[nodiscard]] std::size_t offset() const noexcept { return at_; }
  /// Whole records behind what is torn: they are given up with it.
  [[nodiscard]] std::size_t records_behind() const noexcept { return behind_; }
  /// What is wrong, for people.
  [[nodiscard]] const std::string& fault() const noexcept { return fault_; }

 private:
  [[nodiscard]] bool frame_at(std::size_t offset, std::string_view& payload) const noexcept;
  void judge();

  std::string_view bytes_;
  bool last_;
  std::size_t at_ = 0;
  ending how_ = ending::none;
  std::size_t behind_ = 0;
  std::string fault_;
};

}  // namespace troupe
