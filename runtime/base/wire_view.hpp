// Protobuf's wire format field by field, for messages of many small entries on the hot path: read as views into the
// bytes and written straight into a string. The generated classes make an object and two strings of each entry, which
// was most of the time of a forwarded write (docs/WIRE.md names the messages; a test holds the two against each other).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

/// As it stands before a field: number and kind.
using wire_tag = std::uint32_t;
[[nodiscard]] constexpr wire_tag varint_tag(std::uint32_t number) noexcept { return number << 3U; }
[[nodiscard]] constexpr wire_tag bytes_tag(std::uint32_t number) noexcept { return number << 3U | 2U; }

/// Reads one message. Views are of the bytes given.
class field_reader {
 public:
  explicit field_reader(std::string_view message) noexcept
      : at_(message.data()), end_(message.data() + message.size()) {}

  /// Goes to the next field; false at the end, and where no well-formed field follows: then failed() is true.
  /// Groups, which proto3 does not have, are not well-formed.
  [[nodiscard]] bool next() noexcept;
  [[nodiscard]] bool failed() const noexcept { return failed_; }

  /// A switch over tags treats a field of an unexpected kind like an unknown one, as protobuf does.
  [[nodiscard]] wire_tag tag() const noexcept { return tag_; }
  /// Of a varint field.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  [[nodiscard]] std::int64_t signed_number() const noexcept { return static_cast<std::int64_t>(number_); }
  /// Of a field of bytes, or a message.
  [[nodiscard]] std::string_view bytes() const noexcept { return bytes_; }

 private:
  [[nodiscard]] bool read_varint(std::uint64_t& value) noexcept;
  [[nodiscard]] bool skip(std::size_t bytes) noexcept;

  const char* at_;
  const char* end_;
  wire_tag tag_ = 0;
  std::uint64_t number_ = 0;
  std::string_view bytes_;
  bool failed_ = false;
};

/// Left out when it is 0, as protobuf does.
void put_varint(std::string& to, std::uint32_t field, std::uint64_t value);
inline void put_varint(std::string& to, std::uint32_t field, std::int64_t value) {
  put_varint(to, field, static_cast<std::uint64_t>(value));
}
/// Left out when they are empty.
void put_bytes(std::string& to, std::uint32_t field, std::string_view bytes);
/// A message within a message: also an empty one is one.
void put_message(std::string& to, std::uint32_t field, std::string_view message);

}  // namespace troupe
