// What the two ends of a reliable delivery tell each other, and its wire form
// (runtime/proto/troupe/wire/delivery.proto).
//
// A message is one piece or several; pieces are numbered from 1 by their producer (one sender, for its life). Decoding
// refuses whatever was cut off or is beyond a limit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/ids.hpp>

namespace troupe {

inline constexpr std::size_t delivery_piece_bytes_max = 1024 * 1024;
inline constexpr std::size_t delivery_message_bytes_max = 64 * 1024 * 1024;  // of a whole message
inline constexpr std::size_t delivery_waiting_max = 65'536;                  // messages of one sender
inline constexpr std::uint64_t delivery_sequence_max = std::uint64_t{1} << 62;

struct delivery_frame {
  incarnation_id producer;
  std::uint64_t sequence = 0;  // 0: no piece, only an answer is wanted
  std::uint64_t base = 1;      // everything below was handled; a message begins here
  bool begins = false;
  bool ends = false;
  std::string content;

  bool operator==(const delivery_frame&) const = default;
};

/// A message that was handled with an error.
struct delivery_failure {
  std::uint64_t number = 0;
  errc code = errc::unavailable;

  bool operator==(const delivery_failure&) const = default;
};

struct delivery_ack {
  incarnation_id producer;
  incarnation_id session;                    // another one: the receiver has forgotten what it had
  std::uint64_t received = 0;                // all pieces up to this one
  std::uint64_t handled = 0;                 // all messages up to the one that ends here
  std::vector<delivery_failure> failures{};  // of those, until the sender says that it knows

  bool operator==(const delivery_ack&) const = default;
};

[[nodiscard]] std::string encode(const delivery_frame& f);
[[nodiscard]] std::string encode(const delivery_ack& a);
/// errc::corrupt.
[[nodiscard]] expected<delivery_frame> decode_delivery_frame(std::string_view bytes);
[[nodiscard]] expected<delivery_ack> decode_delivery_ack(std::string_view bytes);

}  // namespace troupe
