#include "node/cli/backup_file.hpp"

#include <algorithm>

#include "runtime/base/crc32c.hpp"
#include "runtime/durability/log_reader.hpp"

namespace troupe::cli {

namespace {

/// Of a frame that claims to be long, what is taken before it has come.
constexpr std::size_t read_step = std::size_t{1} << 20;

tl::unexpected<error> damaged(std::uint64_t offset, const char* why) {
  return fail(errc::corrupt, std::string(why) + " at byte " + std::to_string(offset));
}

}  // namespace

bool backup_writer::put(std::string_view bytes) {
  sum_ = crc32c(bytes, sum_);
  bytes_ += bytes.size();
  return std::fwrite(bytes.data(), 1, bytes.size(), to_) == bytes.size();
}

bool backup_writer::begin() {
  log_record header;
  header.kind = record_kind::header;
  header.version = backup_version;
  std::string bytes(backup_magic);
  append_record(bytes, header);
  return put(bytes);
}

bool backup_writer::add(std::string_view records, std::uint64_t entries) {
  entries_ += entries;
  return put(records);
}

bool backup_writer::finish() {
  log_record end;
  end.kind = record_kind::mark;
  end.sequence = entries_;
  end.number = sum_;
  end.synced = bytes_;
  std::string bytes;
  append_record(bytes, end);
  return put(bytes) && std::fflush(to_) == 0;
}

bool backup_reader::read_frame() {
  frame_.assign(frame_head_bytes, '\0');
  if (std::fread(frame_.data(), 1, frame_head_bytes, from_) != frame_head_bytes) return false;
  const auto size = payload_size(frame_);
  if (!size) return false;
  for (std::uint64_t left = *size; left > 0;) {
    const auto step = std::min<std::uint64_t>(left, read_step);
    const auto before = frame_.size();
    frame_.resize(before + step);
    if (std::fread(frame_.data() + before, 1, step, from_) != step) return false;
    left -= step;
  }
  std::string_view payload;
  frame_view whole(frame_);
  return whole.next(payload);
}

expected<void> backup_reader::begin() {
  std::string magic(backup_magic.size(), '\0');
  if (std::fread(magic.data(), 1, magic.size(), from_) != magic.size() || magic != backup_magic)
    return fail(errc::corrupt, "it is no backup of troupe");
  if (!read_frame()) return damaged(magic.size(), "damaged or cut off");
  const auto header = read_record(std::string_view(frame_).substr(frame_head_bytes));
  if (!header || header->kind != record_kind::header) return damaged(magic.size(), "damaged");
  if (header->version > backup_version)
    return fail(errc::corrupt, "its format is version " + std::to_string(header->version) +
                                   ", this program reads up to " + std::to_string(backup_version));
  sum_ = crc32c(frame_, crc32c(magic));
  offset_ = magic.size() + frame_.size();
  return {};
}

expected<bool> backup_reader::next() {
  if (!read_frame()) return damaged(offset_, "damaged or cut off");
  auto r = read_record(std::string_view(frame_).substr(frame_head_bytes));
  if (!r) return damaged(offset_, "damaged");
  record_ = std::move(*r);
  if (record_.kind == record_kind::mark) {
    const bool whole = record_.sequence == entries_ && record_.number == sum_ && record_.synced == offset_;
    if (!whole) return damaged(offset_, "the checksum of the whole does not fit");
    if (std::fgetc(from_) != EOF) return damaged(offset_ + frame_.size(), "something follows the end");
    return false;
  }
  if (record_.kind != record_kind::page) return damaged(offset_, "an unknown record");
  sum_ = crc32c(frame_, sum_);
  offset_ += frame_.size();
  entries_ += record_.entries.size();
  return true;
}

}  // namespace troupe::cli
