#include "runtime/kvs/journal.hpp"

#include "runtime/base/crc32c.hpp"
#include "runtime/base/wire_fields.hpp"
#include "runtime/kvs/wire.hpp"

namespace troupe {

namespace {

constexpr std::string_view mark = "TKV1";
constexpr std::size_t head_bytes = 4 + 4 + 4;  // mark, length, checksum
constexpr std::size_t fields_max = kvs_cells_max + 16;

void put_u32(std::uint32_t value, std::string& out) {
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>((value >> shift) & 0xffU));
}

std::uint32_t get_u32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value |= std::uint32_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return value;
}

/// The body of the batch that `bytes` begins with, when it is whole and sound.
std::optional<std::string_view> body_at(std::string_view bytes) {
  if (bytes.size() < head_bytes || bytes.substr(0, mark.size()) != mark) return std::nullopt;
  const std::size_t length = get_u32(bytes.substr(4));
  if (bytes.size() - head_bytes < length) return std::nullopt;
  const auto body = bytes.substr(head_bytes, length);
  if (crc32c(body) != get_u32(bytes.substr(8))) return std::nullopt;
  return body;
}

bool any_sound_batch(std::string_view bytes) {
  for (auto at = bytes.find(mark); at != bytes.npos; at = bytes.find(mark, at + 1)) {
    if (body_at(bytes.substr(at))) return true;
  }
  return false;
}

expected<void> apply(std::string_view body, kvs_image& image) {
  wire::KvsBatch in;
  if (!has_at_most_fields(body, fields_max) || !in.ParseFromArray(body.data(), static_cast<int>(body.size())))
    return fail(errc::corrupt, "kvs journal: a batch is not decodable");
  if (in.has_meta()) {
    auto meta = from_wire(in.meta());
    if (!meta) return tl::unexpected(meta.error());
    image.meta = std::move(*meta);
  }
  for (const auto& c : in.cells()) {
    auto cell = from_wire(c);
    if (!cell) return tl::unexpected(cell.error());
    if (c.erased())
      image.cells.erase(c.key());
    else
      image.cells[c.key()] = std::move(*cell);
  }
  return {};
}

}  // namespace

std::string encode(const kvs_batch& batch) {
  wire::KvsBatch out;
  if (batch.meta) to_wire(*batch.meta, *out.mutable_meta());
  for (const auto& [key, cell] : batch.cells) {
    auto& c = *out.add_cells();
    if (cell) {
      to_wire(key, *cell, c);
    } else {
      c.set_key(key);
      c.set_erased(true);
    }
  }
  const auto body = out.SerializeAsString();
  std::string bytes(mark);
  put_u32(static_cast<std::uint32_t>(body.size()), bytes);
  put_u32(crc32c(body), bytes);
  return bytes + body;
}

expected<kvs_image> read_kvs_journal(std::string_view bytes) {
  kvs_image image;
  while (!bytes.empty()) {
    const auto body = body_at(bytes);
    if (!body) {
      if (any_sound_batch(bytes.substr(1))) return fail(errc::corrupt, "kvs journal: a batch in the middle is damaged");
      image.torn = true;
      break;
    }
    if (auto done = apply(*body, image); !done) return tl::unexpected(done.error());
    bytes.remove_prefix(head_bytes + body->size());
  }
  if (image.meta.disk.empty() && !image.cells.empty())
    return fail(errc::corrupt, "kvs journal: cells without a member");
  return image;
}

}  // namespace troupe
