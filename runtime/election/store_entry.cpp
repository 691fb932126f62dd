#include "runtime/election/store_entry.hpp"

#include <array>
#include <charconv>
#include <cstddef>

#include "runtime/base/crc32c.hpp"
#include "runtime/election/messages.hpp"
#include "runtime/election/record.hpp"

namespace troupe {
namespace {

constexpr std::string_view magic = "troupe-leader";
constexpr std::string_view format_version = "1";
constexpr std::size_t fields = 9;
constexpr std::string_view no_address = "-";

/// Of all bytes but the sum itself and the spaces around it.
std::uint32_t sum_of(std::string_view before, std::string_view after) {
  std::string all(before);
  all += ' ';
  all += after;
  return crc32c(all);
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (text.empty() || read.ec != std::errc{} || read.ptr != end) return std::nullopt;
  return value;
}

/// All but the last end at a space, which ends at the end of the line: a name may hold spaces.
std::optional<std::array<std::string_view, fields>> split(std::string_view line) {
  std::array<std::string_view, fields> parts;
  for (std::size_t i = 0; i + 1 < fields; ++i) {
    const auto space = line.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    parts[i] = line.substr(0, space);
    line.remove_prefix(space + 1);
  }
  parts[fields - 1] = line;
  return parts;
}

}  // namespace

expected<std::string> encode_store_value(const leader_entry& entry) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(entry.lease).count();
  std::string before(magic);
  before += ' ';
  before += format_version;
  before += ' ' + std::to_string(entry.term) + ' ' + to_string(entry.leader_id) + ' ' + std::to_string(ms) +
            (entry.floor_open ? " 1" : " 0");
  const auto address = entry.address.empty() ? std::string(no_address) : entry.address;
  const auto after = address + ' ' + entry.leader + '\n' + entry.record;
  auto bytes = before + ' ' + std::to_string(sum_of(before, after)) + ' ' + after;
  if (bytes.size() > leader_entry_bytes_max) return fail(errc::too_large, "the cluster record exceeds its limit");
  return bytes;
}

expected<leader_entry> decode_store_value(std::string_view bytes) {
  const auto bad = [](const char* why) { return fail(errc::corrupt, std::string("no leader's entry: ") + why); };
  const auto line_end = bytes.find('\n');
  if (bytes.size() > leader_entry_bytes_max || line_end == std::string_view::npos) return bad("its form");
  const auto parts = split(bytes.substr(0, line_end));
  if (!parts || (*parts)[0] != magic) return bad("its form");
  if ((*parts)[1] != format_version) return bad("of another version");
  leader_entry e;
  const auto term = number((*parts)[2]);
  const auto lease = number((*parts)[4]);
  const auto sum = number((*parts)[6]);
  e.leader_id = parse_incarnation_id((*parts)[3]);
  e.floor_open = (*parts)[5] == "1";
  if ((*parts)[7] != no_address) e.address = (*parts)[7];
  e.leader = (*parts)[8];
  e.record = bytes.substr(line_end + 1);
  const auto lease_max = std::chrono::duration_cast<std::chrono::milliseconds>(election_lease_max).count();
  if (!term || !lease || !sum || *lease > static_cast<std::uint64_t>(lease_max)) return bad("a field out of bounds");
  e.term = *term;
  e.lease = std::chrono::milliseconds(*lease);
  if (e.leader.size() > record_text_max || e.address.size() > record_text_max) return bad("a field out of bounds");
  if (e.term > 0 && (e.leader.empty() || e.leader_id.empty())) return bad("a term without a leader");
  const auto before = static_cast<std::size_t>((*parts)[5].data() + (*parts)[5].size() - bytes.data());
  const auto after = static_cast<std::size_t>((*parts)[7].data() - bytes.data());
  if (sum_of(bytes.substr(0, before), bytes.substr(after)) != *sum) return bad("its checksum");
  return e;
}

std::string store_key_of(std::string_view cluster_name) { return "troupe/" + std::string(cluster_name) + "/leader"; }

}  // namespace troupe
