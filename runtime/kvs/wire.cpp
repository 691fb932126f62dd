#include "runtime/kvs/wire.hpp"

#include <algorithm>

namespace troupe {

namespace {

constexpr std::size_t name_bytes_max = 255;

std::uint64_t whole_ms(duration d) {
  return static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(d).count());
}

}  // namespace

bool is_kvs_ballot(std::uint64_t ballot) noexcept { return epoch_of_ballot(ballot) < kvs_epoch_max; }

void to_wire(const incarnation_id& id, wire::IncarnationId& out) {
  out.set_high(id.high);
  out.set_low(id.low);
}

incarnation_id from_wire(const wire::IncarnationId& in) { return {in.high(), in.low()}; }

void to_wire(const kvs_value& value, wire::KvsValue& out) {
  out.set_version(value.version);
  out.set_base(value.base);
  out.set_gone(value.gone);
  out.set_present(value.present);
  out.set_bytes(value.bytes);
  out.set_ttl_ms(whole_ms(value.ttl));
}

expected<kvs_value> from_wire(const wire::KvsValue& in) {
  static const auto ttl_max = whole_ms(kvs_ttl_max);
  const bool sound = is_kvs_ballot(in.version()) && is_kvs_ballot(in.base()) && is_kvs_ballot(in.gone()) &&
                     in.bytes().size() <= kvs_value_bytes_max && in.ttl_ms() <= ttl_max &&
                     (in.present() ? in.version() != 0 : in.bytes().empty());
  if (!sound) return fail(errc::corrupt, "kvs value: out of bounds");
  kvs_value value;
  value.version = in.version();
  value.base = in.base();
  value.gone = in.gone();
  value.present = in.present();
  value.bytes = in.bytes();
  value.ttl = std::chrono::milliseconds(in.ttl_ms());
  return value;
}

void to_wire(const kvs_roster& roster, wire::KvsRoster& out) {
  to_wire(roster.group, *out.mutable_group());
  out.set_epoch(roster.epoch);
  for (const auto& row : roster.rows) {
    auto& r = *out.add_rows();
    r.set_name(row.name);
    to_wire(row.disk, *r.mutable_disk());
  }
}

expected<kvs_roster> from_wire(const wire::KvsRoster& in) {
  const auto refuse = [] { return fail(errc::corrupt, "kvs roster: out of bounds"); };
  kvs_roster roster;
  roster.group = from_wire(in.group());
  roster.epoch = in.epoch();
  if (roster.epoch >= kvs_epoch_max || static_cast<std::size_t>(in.rows_size()) > kvs_members_max) return refuse();
  if ((roster.epoch == 0) != (in.rows_size() == 0) || (roster.epoch != 0 && roster.group.empty())) return refuse();
  for (const auto& r : in.rows()) {
    if (r.name().empty() || r.name().size() > name_bytes_max || from_wire(r.disk()).empty()) return refuse();
    if (!roster.rows.empty() && roster.rows.back().name >= r.name()) return refuse();
    roster.rows.push_back({r.name(), from_wire(r.disk())});
  }
  return roster;
}

void to_wire(const kvs_meta& meta, wire::KvsMeta& out) {
  to_wire(meta.disk, *out.mutable_disk());
  if (meta.roster.epoch != 0) to_wire(meta.roster, *out.mutable_roster());
  out.set_founded(meta.founded);
  out.set_syncing(meta.syncing);
  out.set_floor(meta.floor);
}

expected<kvs_meta> from_wire(const wire::KvsMeta& in) {
  kvs_meta meta;
  meta.disk = from_wire(in.disk());
  if (in.has_roster()) {
    auto roster = from_wire(in.roster());
    if (!roster) return tl::unexpected(roster.error());
    meta.roster = std::move(*roster);
  }
  meta.founded = in.founded();
  meta.syncing = in.syncing();
  meta.floor = in.floor();
  if (!is_kvs_ballot(meta.floor) || (meta.founded && meta.roster.epoch == 0))
    return fail(errc::corrupt, "kvs member: out of bounds");
  return meta;
}

void to_wire(const std::string& key, const kvs_cell& cell, wire::KvsCell& out) {
  out.set_key(key);
  out.set_promised(cell.promised);
  to_wire(cell.promised_to, *out.mutable_promised_to());
  out.set_accepted(cell.accepted);
  if (cell.accepted != 0) to_wire(cell.value, *out.mutable_value());
}

expected<kvs_cell> from_wire(const wire::KvsCell& in) {
  const bool sound = in.key().size() <= kvs_key_bytes_max && is_kvs_ballot(in.promised()) &&
                     is_kvs_ballot(in.accepted()) && in.promised() >= in.accepted();
  if (!sound) return fail(errc::corrupt, "kvs cell: out of bounds");
  kvs_cell cell;
  cell.promised = in.promised();
  cell.promised_to = from_wire(in.promised_to());
  cell.accepted = in.accepted();
  if (cell.accepted == 0) return cell;
  auto value = from_wire(in.value());
  if (!value) return tl::unexpected(value.error());
  if (value->version == 0 || value->version > cell.accepted) return fail(errc::corrupt, "kvs cell: version");
  cell.value = std::move(*value);
  return cell;
}

}  // namespace troupe
