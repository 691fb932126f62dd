// Fixed little-endian integers of the link's frames, written to the end of a string and read from
// the front of a view. A reader that runs out of bytes turns bad and yields zeros: check good() once
// at the end.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

template <std::unsigned_integral Integer>
void write_le(char* to, Integer value) noexcept {
  for (std::size_t i = 0; i < sizeof(Integer); ++i)
    to[i] = static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
}

template <std::unsigned_integral Integer>
[[nodiscard]] Integer read_le(const char* from) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(Integer); ++i)
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(from[i])) << (8 * i);
  return static_cast<Integer>(value);
}

template <std::unsigned_integral Integer>
void append_le(std::string& to, Integer value) {
  char bytes[sizeof(Integer)];
  write_le(bytes, value);
  to.append(bytes, sizeof(Integer));
}

class wire_reader {
 public:
  explicit wire_reader(std::string_view bytes) noexcept : rest_(bytes) {}

  template <std::unsigned_integral Integer>
  [[nodiscard]] Integer take() noexcept {
    if (rest_.size() < sizeof(Integer)) {
      good_ = false;
      rest_ = {};
      return 0;
    }
    const auto value = read_le<Integer>(rest_.data());
    rest_.remove_prefix(sizeof(Integer));
    return value;
  }

  /// The next `size` bytes, borrowed from the view that was given.
  [[nodiscard]] std::string_view take_bytes(std::size_t size) noexcept {
    if (rest_.size() < size) {
      good_ = false;
      rest_ = {};
      return {};
    }
    const auto bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }

  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }
  [[nodiscard]] bool good() const noexcept { return good_; }

 private:
  std::string_view rest_;
  bool good_ = true;
};

}  // namespace troupe
