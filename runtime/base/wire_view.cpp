#include "runtime/base/wire_view.hpp"

namespace troupe {

namespace {

enum kind : std::uint32_t { varint_kind = 0, eight_bytes_kind = 1, bytes_kind = 2, four_bytes_kind = 5 };

constexpr unsigned varint_bytes_max = 10;

void append_varint(std::string& to, std::uint64_t value) {
  char bytes[varint_bytes_max];
  std::size_t n = 0;
  for (; value >= 0x80U; value >>= 7U) bytes[n++] = static_cast<char>(value | 0x80U);
  bytes[n++] = static_cast<char>(value);
  to.append(bytes, n);
}

}  // namespace

bool field_reader::read_varint(std::uint64_t& value) noexcept {
  value = 0;
  for (unsigned i = 0; i < varint_bytes_max && at_ != end_; ++i) {
    const auto byte = static_cast<unsigned char>(*at_++);
    value |= static_cast<std::uint64_t>(byte & 0x7fU) << (7U * i);
    if (byte < 0x80U) return true;
  }
  return false;
}

bool field_reader::skip(std::size_t bytes) noexcept {
  if (static_cast<std::size_t>(end_ - at_) < bytes) return false;
  at_ += bytes;
  return true;
}

bool field_reader::next() noexcept {
  if (failed_ || at_ == end_) return false;
  failed_ = true;  // until it is read whole
  std::uint64_t head = 0;
  if (!read_varint(head) || head > UINT32_MAX || head >> 3U == 0) return false;
  tag_ = static_cast<wire_tag>(head);
  switch (head & 7U) {
    case varint_kind:
      if (!read_varint(number_)) return false;
      break;
    case bytes_kind: {
      std::uint64_t size = 0;
      if (!read_varint(size) || !skip(size)) return false;
      bytes_ = {at_ - size, size};
      break;
    }
    case eight_bytes_kind:
      if (!skip(8)) return false;
      break;
    case four_bytes_kind:
      if (!skip(4)) return false;
      break;
    default: return false;
  }
  failed_ = false;
  return true;
}

void put_varint(std::string& to, std::uint32_t field, std::uint64_t value) {
  if (value == 0) return;
  append_varint(to, varint_tag(field));
  append_varint(to, value);
}

void put_bytes(std::string& to, std::uint32_t field, std::string_view bytes) {
  if (!bytes.empty()) put_message(to, field, bytes);
}

void put_message(std::string& to, std::uint32_t field, std::string_view message) {
  append_varint(to, bytes_tag(field));
  append_varint(to, message.size());
  to.append(message);
}

}  // namespace troupe
