// One contiguous run of bytes that is filled at its end and emptied at its start: what a connection
// received and has not parsed yet, or what it has to send. Memory is never cleared and never taken
// ahead of need; growth doubles, so that filling is linear.
//
// Views into it live until the next call that is not const, consume() excepted.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace troupe::resp {

class byte_buffer {
 public:
  static constexpr std::size_t capacity_min = 256;
  /// An empty buffer keeps no more than this (see trim).
  static constexpr std::size_t capacity_kept_max = 64 * 1024;

  [[nodiscard]] char* data() noexcept { return bytes_.get() + begin_; }
  [[nodiscard]] const char* data() const noexcept { return bytes_.get() + begin_; }
  [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
  [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::string_view view() const noexcept { return {data(), size()}; }

  /// Room for `n` bytes after the last one; commit() says how many of them were filled.
  [[nodiscard]] char* prepare(std::size_t n) {
    if (capacity_ - end_ < n) make_room(n);
    return bytes_.get() + end_;
  }
  void commit(std::size_t n) noexcept { end_ += n; }
  /// Bytes that prepare() gives without moving anything.
  [[nodiscard]] std::size_t room() const noexcept { return capacity_ - end_; }

  void append(std::string_view bytes) {
    if (bytes.empty()) return;
    std::memcpy(prepare(bytes.size()), bytes.data(), bytes.size());
    commit(bytes.size());
  }

  /// Forgets the first `n` bytes; views to later ones stay valid.
  void consume(std::size_t n) noexcept {
    begin_ += n;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  void clear() noexcept { begin_ = end_ = 0; }
  /// Forgets what was added since size() was `n`.
  void cut(std::size_t n) noexcept {
    end_ = begin_ + n;
    if (begin_ == end_) begin_ = end_ = 0;
  }

  /// Gives back what one large value left behind.
  void trim() noexcept {
    if (empty() && capacity_ > capacity_kept_max) *this = byte_buffer();
  }

  byte_buffer() = default;
  byte_buffer(const byte_buffer&) = delete;
  byte_buffer& operator=(const byte_buffer&) = delete;
  byte_buffer(byte_buffer&& other) noexcept { swap(other); }
  byte_buffer& operator=(byte_buffer&& other) noexcept {
    byte_buffer taken(std::move(other));
    swap(taken);
    return *this;
  }

  void swap(byte_buffer& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
    std::swap(capacity_, other.capacity_);
  }

 private:
  void make_room(std::size_t n);

  std::unique_ptr<char[]> bytes_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace troupe::resp
