// The words of one command, as views into the receive buffer: valid until that buffer changes.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace troupe::resp {

/// One word, relative to the command's first byte: the buffer may move while a command is incomplete.
struct slice {
  std::size_t offset = 0;
  std::size_t length = 0;
};

class arguments {
 public:
  arguments() = default;
  arguments(const char* base, std::span<const slice> words) noexcept : base_(base), words_(words) {}

  [[nodiscard]] std::size_t size() const noexcept { return words_.size(); }
  [[nodiscard]] std::string_view operator[](std::size_t i) const noexcept {
    return {base_ + words_[i].offset, words_[i].length};
  }
  /// The words from the i-th on.
  [[nodiscard]] arguments from(std::size_t i) const noexcept { return {base_, words_.subspan(i)}; }

 private:
  const char* base_ = nullptr;
  std::span<const slice> words_;
};

}  // namespace troupe::resp
