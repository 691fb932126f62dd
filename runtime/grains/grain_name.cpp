#include "runtime/grains/grain_name.hpp"

#include <algorithm>

#include "runtime/link/wire_bytes.hpp"
#include "runtime/sharding/slot.hpp"

namespace troupe {

namespace {

constexpr std::uint8_t address_version = 1;

bool is_type_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

}  // namespace

expected<void> check_grain_type(std::string_view type) {
  if (type.empty() || type.size() > grain_type_bytes_max || !std::all_of(type.begin(), type.end(), is_type_character))
    return fail(errc::invalid_argument, "a grain's type is 1 to 64 characters of a-z, 0-9, '_', '-' and '.'");
  return {};
}

expected<void> check_grain(std::string_view type, std::string_view id) {
  if (auto sound = check_grain_type(type); !sound) return sound;
  if (id.empty() || id.size() > grain_id_bytes_max)
    return fail(errc::invalid_argument, "a grain's id is 1 to 256 bytes");
  return {};
}

// Two slashes keep those apart that are not put in braces: an id with a tag of its own, and one that would be cut at
// its first '}'.
std::string grain_key(std::string_view type, std::string_view id) {
  const bool stays = hash_tag(id).size() != id.size() || id.find('}') != std::string_view::npos;
  std::string key;
  key.reserve(type.size() + id.size() + 3);
  key += type;
  key += stays ? "//" : "/{";
  key += id;
  if (!stays) key += '}';
  return key;
}

std::string encode(const grain_address& a) {
  std::string bytes;
  bytes.reserve(19 + a.type.size() + a.id.size());
  append_le(bytes, address_version);
  append_le(bytes, a.hops);
  append_le(bytes, a.known.term);
  append_le(bytes, a.known.epoch);
  append_le(bytes, static_cast<std::uint8_t>(a.type.size()));
  bytes += a.type;
  bytes += a.id;
  return bytes;
}

expected<grain_address> decode_grain_address(std::string_view bytes) {
  wire_reader in(bytes);
  const auto version = in.take<std::uint8_t>();
  if (in.good() && version > address_version)
    return fail(errc::not_implemented, "a message for a grain of a later version");
  grain_address a;
  a.hops = in.take<std::uint8_t>();
  a.known.term = in.take<std::uint64_t>();
  a.known.epoch = in.take<std::uint64_t>();
  a.type = in.take_bytes(in.take<std::uint8_t>());
  a.id = in.rest();
  if (!in.good() || version != address_version || !check_grain(a.type, a.id))
    return fail(errc::corrupt, "a grain's address that cannot be read");
  return a;
}

}  // namespace troupe
