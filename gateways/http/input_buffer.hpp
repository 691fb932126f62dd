// The bytes that a connection has read and not yet used: one contiguous piece that starts with the
// first byte of the request being read. It grows with what has arrived, never with what was announced.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace troupe {

class input_buffer {
 public:
  static constexpr std::size_t size_at_start = 2048;
  static constexpr std::size_t read_min = 1024;       // room offered to a read, at least
  static constexpr std::size_t kept_max = 64 * 1024;  // a larger buffer is given back when it is empty

  struct room {
    char* at;
    std::size_t size;
  };

  [[nodiscard]] bool empty() const noexcept { return start_ == end_; }
  [[nodiscard]] std::string_view view() const noexcept { return {bytes_.get() + start_, end_ - start_}; }

  /// Room for the next read; `size_hint` is what the request will take in all, 0 when unknown.
  [[nodiscard]] room prepare(std::uint64_t size_hint) {
    if (capacity_ - end_ < read_min) make_room(size_hint);
    return {bytes_.get() + end_, capacity_ - end_};
  }

  void commit(std::size_t n) noexcept { end_ += n; }

  void consume(std::size_t n) noexcept {
    start_ += n;
    if (start_ != end_) return;
    start_ = end_ = 0;
    if (capacity_ > kept_max) {
      bytes_.reset();
      capacity_ = 0;
    }
  }

 private:
  void make_room(std::uint64_t size_hint) {
    const std::size_t used = end_ - start_;
    std::size_t wanted = std::max(capacity_, size_at_start);
    if (wanted - used < read_min) {
      const std::uint64_t least = used + read_min;
      wanted = static_cast<std::size_t>(
          std::max<std::uint64_t>(least, size_hint == 0 ? 2 * wanted : std::min<std::uint64_t>(2 * wanted, size_hint)));
    }
    if (wanted != capacity_) {
      auto larger = std::make_unique_for_overwrite<char[]>(wanted);
      if (used != 0) std::memcpy(larger.get(), bytes_.get() + start_, used);
      bytes_ = std::move(larger);
      capacity_ = wanted;
    } else if (used != 0) {
      std::memmove(bytes_.get(), bytes_.get() + start_, used);
    }
    start_ = 0;
    end_ = used;
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
  std::size_t start_ = 0;
  std::size_t end_ = 0;
};

}  // namespace troupe
