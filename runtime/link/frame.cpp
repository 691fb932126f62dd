#include "runtime/link/frame.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "runtime/base/check.hpp"
#include "runtime/link/wire_bytes.hpp"

namespace troupe {

namespace {

constexpr char magic_0 = 't';
constexpr char magic_1 = 'r';
constexpr std::size_t read_size = 64 * 1024;      // of an idle connection's buffer
constexpr std::size_t read_size_min = 16 * 1024;  // free space offered to each read

}  // namespace

bool is_frame_type(std::uint8_t type) noexcept {
  return (type >= 1 && type <= 8) || (type >= 16 && type <= 20) || type == 32 || type == 33 || type == 40;
}

std::array<char, frame_header_size> encode_header(frame_type type, std::uint32_t length) noexcept {
  std::array<char, frame_header_size> bytes{magic_0, magic_1, static_cast<char>(type), 0};
  write_le(bytes.data() + 4, length);
  return bytes;
}

expected<frame_header> decode_header(std::span<const char, frame_header_size> bytes, std::size_t payload_max) {
  if (bytes[0] != magic_0 || bytes[1] != magic_1) return fail(errc::corrupt, "not a frame of the cluster link");
  const auto type = static_cast<std::uint8_t>(bytes[2]);
  if (!is_frame_type(type)) return fail(errc::corrupt, "unknown frame type " + std::to_string(type));
  if (bytes[3] != 0) return fail(errc::corrupt, "reserved byte of a frame is not zero");
  const auto length = read_le<std::uint32_t>(bytes.data() + 4);
  if (length > payload_max)
    return fail(errc::too_large,
                "frame of " + std::to_string(length) + " bytes, " + std::to_string(payload_max) + " are allowed");
  return frame_header{static_cast<frame_type>(type), length};
}

std::string make_frame(frame_type type, std::string_view payload) {
  const auto header = encode_header(type, static_cast<std::uint32_t>(payload.size()));
  std::string bytes(header.begin(), header.end());
  bytes.append(payload);
  return bytes;
}

std::span<char> frame_reader::space() {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (buffer_.size() > 4 * read_size && needed_ <= read_size) {
      buffer_ = std::vector<char>(read_size);  // a large frame has passed: give its memory back
    }
  }
  const auto held = end_ - begin_;
  const auto wanted = std::max({needed_, held + read_size_min, buffer_.empty() ? read_size : std::size_t{0}});
  if (buffer_.size() - begin_ < wanted && begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, held);
    begin_ = 0;
    end_ = held;
  }
  if (buffer_.size() < wanted) buffer_.resize(wanted);
  return {buffer_.data() + end_, buffer_.size() - end_};
}

void frame_reader::commit(std::size_t size) noexcept {
  TROUPE_CHECK(size <= buffer_.size() - end_);
  end_ += size;
}

expected<std::optional<frame>> frame_reader::next() {
  const auto held = end_ - begin_;
  if (held < frame_header_size) {
    needed_ = 0;
    return std::nullopt;
  }
  const auto* at = buffer_.data() + begin_;
  const auto header = decode_header(std::span<const char, frame_header_size>(at, frame_header_size), payload_max_);
  if (!header) return tl::unexpected<error>(header.error());
  const auto size = frame_header_size + header->length;
  if (held < size) {
    needed_ = size;
    return std::nullopt;
  }
  needed_ = 0;
  begin_ += size;
  return frame{header->type, std::string_view(at + frame_header_size, header->length)};
}

}  // namespace troupe
