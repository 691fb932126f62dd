#include "runtime/kvs/roster.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/kvs/wire.hpp"

namespace troupe {

const kvs_row* kvs_roster::find(std::string_view name) const noexcept {
  const auto at = index_of(name);
  return at ? &rows[*at] : nullptr;
}

std::optional<std::size_t> kvs_roster::index_of(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].name == name) return i;
  }
  return std::nullopt;
}

std::string kvs_roster::names() const {
  std::string text;
  for (const auto& row : rows) text.append(text.empty() ? "" : ", ").append(row.name);
  return text;
}

kvs_roster founding_of(std::vector<kvs_row> rows) {
  TROUPE_CHECK(!rows.empty());
  std::sort(rows.begin(), rows.end(), [](const kvs_row& a, const kvs_row& b) { return a.name < b.name; });
  kvs_roster roster;
  roster.group = rows.front().disk;
  roster.epoch = 1;
  roster.rows = std::move(rows);
  return roster;
}

kvs_roster with_disk(const kvs_roster& roster, std::string_view name, const incarnation_id& disk) {
  auto next = roster;
  ++next.epoch;
  const auto at = next.index_of(name);
  TROUPE_CHECK(at.has_value());
  next.rows[*at].disk = disk;
  return next;
}

std::string encode(const kvs_roster& roster) {
  wire::KvsRoster out;
  to_wire(roster, out);
  return out.SerializeAsString();
}

expected<kvs_roster> decode_kvs_roster(std::string_view bytes) {
  wire::KvsRoster in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return fail(errc::corrupt, "kvs roster: not decodable");
  return from_wire(in);
}

}  // namespace troupe
