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
// A connection that says little (most do: hundreds in a large cluster) keeps a small buffer; one whose reads come
// full reads more at once.
constexpr std::size_t read_first = 2 * 1024;
constexpr std::size_t read_most = 64 * 1024;

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

frame_reader::frame_reader(std::size_t payload_max) noexcept : payload_max_(payload_max), read_ahead_(read_first) {}

std::span<char> frame_reader::space() {
  const auto held = end_ - begin_;
  const auto wanted = std::max(needed_, held + read_ahead_ / 4);
  if (held == 0) {
    begin_ = end_ = 0;
    if (capacity_ > 4 * read_most && needed_ <= read_most) capacity_ = 0;  // a large frame has passed
  }
  if (capacity_ < wanted || capacity_ < read_ahead_) {
    const auto size = std::max(wanted, read_ahead_);
    auto larger = std::make_unique_for_overwrite<char[]>(size);
    if (held > 0) std::memcpy(larger.get(), buffer_.get() + begin_, held);
    buffer_ = std::move(larger);
    capacity_ = size;
    begin_ = 0;
    end_ = held;
  } else if (capacity_ - begin_ < wanted) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, held);
    begin_ = 0;
    end_ = held;
  }
  return {buffer_.get() + end_, capacity_ - end_};
}

void frame_reader::commit(std::size_t size) noexcept {
  TROUPE_CHECK(size <= capacity_ - end_);
  end_ += size;
  if (end_ == capacity_) read_ahead_ = std::min(4 * read_ahead_, read_most);
}

expected<std::optional<frame>> frame_reader::next() {
  const auto held = end_ - begin_;
  if (held < frame_header_size) {
    needed_ = 0;
    return std::nullopt;
  }
  const auto* at = buffer_.get() + begin_;
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
