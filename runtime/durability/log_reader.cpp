#include "runtime/durability/log_reader.hpp"

#include <algorithm>

#include "runtime/base/crc32c.hpp"

namespace troupe {

namespace {

std::uint32_t word_at(std::string_view bytes, std::size_t at) noexcept {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at + i])) << (8U * i);
  return value;
}

}  // namespace

std::uint32_t frame_sum(std::string_view payload) noexcept {
  const auto size = static_cast<std::uint32_t>(payload.size());
  char word[4];
  for (unsigned i = 0; i < 4; ++i) word[i] = static_cast<char>(size >> (8U * i) & 0xffU);
  return crc32c(payload, crc32c({word, sizeof word}));
}

std::optional<std::uint64_t> payload_size(std::string_view head) noexcept {
  if (head.size() < frame_head_bytes || word_at(head, 0) != frame_word) return std::nullopt;
  const std::uint64_t size = word_at(head, 4);
  return size <= frame_bytes_max ? std::optional(size) : std::nullopt;
}

bool frame_view::next(std::string_view& payload) noexcept {
  const auto size = payload_size(bytes_);
  if (!size || *size > bytes_.size() - frame_head_bytes) return false;
  payload = bytes_.substr(frame_head_bytes, *size);
  if (word_at(bytes_, 8) != frame_sum(payload)) return false;
  bytes_.remove_prefix(frame_head_bytes + *size);
  return true;
}

bool log_reader::frame_at(std::size_t offset, std::string_view& payload) const noexcept {
  return frame_view(bytes_.substr(offset)).next(payload);
}

expected<log_record> log_reader::open() {
  const auto begins = bytes_.substr(0, log_magic.size());
  if (begins.size() == log_magic.size() && begins != log_magic && begins.find_first_not_of('\0') != begins.npos)
    return fail(errc::corrupt, "it is no log of troupe");
  std::string_view payload;
  const bool whole = begins == log_magic && frame_at(log_magic.size(), payload);
  if (!whole) {
    if (!last_) return fail(errc::corrupt, "its first record is damaged");
    return fail(errc::not_found, "it ends before its first record");
  }
  auto r = read_record(payload);
  if (!r) return r;
  if (r->kind != record_kind::header) return fail(errc::corrupt, "it does not begin with a header");
  if (r->version > log_version)
    return fail(errc::corrupt, "its format is version " + std::to_string(r->version) + ", this program reads up to " +
                                   std::to_string(log_version));
  at_ = log_magic.size() + frame_head_bytes + payload.size();
  return r;
}

bool log_reader::next(log_record& into) {
  if (how_ != ending::none) return false;
  if (at_ == bytes_.size()) {
    how_ = ending::clean;
    return false;
  }
  std::string_view payload;
  if (!frame_at(at_, payload)) {
    judge();
    return false;
  }
  auto r = read_record(payload);
  if (!r) {  // its checksum holds: it was written so
    how_ = ending::damaged;
    fault_ = r.error().context;
    return false;
  }
  at_ += frame_head_bytes + payload.size();
  into = std::move(*r);
  return true;
}

// A frame's word may stand in a value by chance: only one with a sound checksum counts.
void log_reader::judge() {
  how_ = last_ ? ending::torn : ending::damaged;
  fault_ = "a record that is not whole";
  if (!last_) return;
  const char word[4] = {static_cast<char>(frame_word & 0xffU), static_cast<char>(frame_word >> 8U & 0xffU),
                        static_cast<char>(frame_word >> 16U & 0xffU), static_cast<char>(frame_word >> 24U)};
  for (auto at = bytes_.find({word, 4}, at_ + 1); at != bytes_.npos; at = bytes_.find({word, 4}, at)) {
    std::string_view payload;
    if (!frame_at(at, payload)) {
      ++at;
      continue;
    }
    ++behind_;
    const auto r = read_record(payload);
    if (r && r->kind == record_kind::mark && r->synced > at_) {
      how_ = ending::damaged;
      fault_ = "a record that was on the disk is damaged";
      return;
    }
    at += frame_head_bytes + payload.size();
  }
}

}  // namespace troupe
