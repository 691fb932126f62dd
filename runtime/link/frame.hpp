// The frame: what one write of the cluster link is cut into.
//
//   bytes  0..1  "tr"      2  type      3  zero      4..7  payload length, little-endian
//
// A header is checked (magic, type, length against a limit) before a byte is allocated for its
// payload. frame_reader turns what a socket delivers into frames without copying them; it does NOT
// look into payloads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include <troupe/error.hpp>

namespace troupe {

enum class frame_type : std::uint8_t {
  // The handshake, in the order of a good one; refused may take the place of any answer.
  hello = 1,
  challenge = 2,
  proof = 3,
  welcome = 4,
  ready = 5,
  refused = 6,
  // The connection itself.
  close = 7,
  chunk = 8,
  // Actors.
  actor_message = 16,
  actor_monitor = 17,
  actor_down = 18,
  actor_link = 19,
  actor_unlink = 20,
  // Requests to a node.
  request = 32,
  reply = 33,
  // Membership and election machines.
  cluster = 40,
};

[[nodiscard]] bool is_frame_type(std::uint8_t type) noexcept;
[[nodiscard]] constexpr bool is_actor_frame(frame_type t) noexcept {
  return t >= frame_type::actor_message && t <= frame_type::actor_unlink;
}
/// Frames that may cross in chunks: those that carry a caller's payload.
[[nodiscard]] constexpr bool may_be_chunked(frame_type t) noexcept { return t >= frame_type::actor_message; }

inline constexpr std::size_t frame_header_size = 8;
/// Payload limit while the other end is not authenticated.
inline constexpr std::size_t handshake_frame_max = 4096;

struct frame_header {
  frame_type type{};
  std::uint32_t length = 0;  // of the payload
};

[[nodiscard]] std::array<char, frame_header_size> encode_header(frame_type type, std::uint32_t length) noexcept;

/// errc::corrupt for a wrong magic, type or reserved byte, errc::too_large beyond `payload_max`.
[[nodiscard]] expected<frame_header> decode_header(std::span<const char, frame_header_size> bytes,
                                                   std::size_t payload_max);

/// Header and payload as one string.
[[nodiscard]] std::string make_frame(frame_type type, std::string_view payload);

struct frame {
  frame_type type{};
  std::string_view payload;  // valid until the next call of space()
};

class frame_reader {
 public:
  explicit frame_reader(std::size_t payload_max) noexcept;

  /// Takes effect with the next header.
  void payload_max(std::size_t bytes) noexcept { payload_max_ = bytes; }

  /// Where to read into next; never empty, and large enough for the frame under way.
  [[nodiscard]] std::span<char> space();
  /// `size` bytes of the last space() were filled.
  void commit(std::size_t size) noexcept;

  /// The next whole frame, none when more bytes are needed, or what decode_header found wrong: then
  /// the connection is of no more use.
  [[nodiscard]] expected<std::optional<frame>> next();

  /// Bytes held for reading, for tests of the memory bound.
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

 private:
  std::size_t payload_max_;
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
  std::size_t read_ahead_;  // bytes that a read asks for: more when reads come full
  std::size_t begin_ = 0;   // of what is not yet parsed
  std::size_t end_ = 0;     // of what was read
  std::size_t needed_ = 0;  // header and payload of the frame under way, 0: not known
};

}  // namespace troupe
