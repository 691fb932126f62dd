// The words of a procedure, packed into one string: each as its length (a varint, 7 bits a byte, the lowest first) and
// its bytes. The same bytes travel to the owner of the shard, to its copies, and lie inside small values.
//
// Reading never goes beyond the bytes given, and allocates only for the list of views.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

inline constexpr std::size_t words_max = (std::size_t{1} << 20) + 16;

inline void pack_length(std::string& into, std::uint64_t length) {
  while (length >= 0x80) {
    into.push_back(static_cast<char>(length | 0x80));
    length >>= 7;
  }
  into.push_back(static_cast<char>(length));
}

inline void pack_word(std::string& into, std::string_view word) {
  pack_length(into, word.size());
  into.append(word);
}

/// A number as a word.
inline void pack_number(std::string& into, std::uint64_t number) {
  std::string bytes;
  pack_length(bytes, number);
  pack_word(into, bytes);
}

/// Bytes that pack_length writes.
[[nodiscard]] constexpr std::size_t packed_length_size(std::uint64_t length) noexcept {
  std::size_t size = 1;
  for (; length >= 0x80; length >>= 7) ++size;
  return size;
}

/// Takes a number off the front of `from`; none when it is cut off or beyond 64 bits.
[[nodiscard]] inline std::optional<std::uint64_t> take_length(std::string_view& from) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < from.size() && i < 10; ++i) {
    const auto byte = static_cast<unsigned char>(from[i]);
    if (i == 9 && byte > 1) return std::nullopt;
    value |= std::uint64_t{byte & 0x7fU} << (7 * i);
    if (byte < 0x80) {
      from.remove_prefix(i + 1);
      return value;
    }
  }
  return std::nullopt;
}

/// Takes a word off the front; none when it is cut off.
[[nodiscard]] inline std::optional<std::string_view> take_word(std::string_view& from) noexcept {
  const auto length = take_length(from);
  if (!length || *length > from.size()) return std::nullopt;
  const auto word = from.substr(0, *length);
  from.remove_prefix(*length);
  return word;
}

/// Of a word that pack_number made.
[[nodiscard]] inline std::optional<std::uint64_t> number_of(std::string_view word) noexcept {
  const auto number = take_length(word);
  return word.empty() ? number : std::nullopt;
}

/// Views of packed words; those bytes outlive it.
class word_list {
 public:
  word_list() = default;
  word_list(const word_list&) = delete;
  word_list& operator=(const word_list&) = delete;

  /// False when they are cut off, or more than words_max.
  [[nodiscard]] bool read(std::string_view packed) {
    clear();
    while (!packed.empty()) {
      const auto word = take_word(packed);
      if (!word || size_ == words_max) return false;
      add(*word);
    }
    return true;
  }
  /// How many words are packed there; nothing is kept of them.
  [[nodiscard]] static std::size_t count(std::string_view packed) noexcept {
    std::size_t words = 0;
    while (take_word(packed)) ++words;
    return words;
  }
  void clear() noexcept {
    size_ = 0;
    more_.clear();
  }
  void add(std::string_view word) {
    if (size_ < few_.size()) {
      few_[size_] = word;
    } else {
      if (size_ == few_.size()) more_.assign(few_.begin(), few_.end());
      more_.push_back(word);
    }
    ++size_;
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::string_view operator[](std::size_t i) const noexcept { return begin()[i]; }
  [[nodiscard]] const std::string_view* begin() const noexcept {
    return size_ <= few_.size() ? few_.data() : more_.data();
  }
  [[nodiscard]] const std::string_view* end() const noexcept { return begin() + size_; }

 private:
  std::array<std::string_view, 8> few_;
  std::vector<std::string_view> more_;  // all of them, when they are more
  std::size_t size_ = 0;
};

}  // namespace troupe
