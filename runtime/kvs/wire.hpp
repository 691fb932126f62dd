// The pieces of kvs.proto as values and back, with all their bounds.
#pragma once

#include <string>
#include <utility>

#include <troupe/error.hpp>

#include "runtime/kvs/cell.hpp"
#include "runtime/kvs/roster.hpp"
#include "troupe/wire/kvs.pb.h"

namespace troupe {

void to_wire(const incarnation_id& id, wire::IncarnationId& out);
[[nodiscard]] incarnation_id from_wire(const wire::IncarnationId& in);

void to_wire(const kvs_value& value, wire::KvsValue& out);
void to_wire(const kvs_roster& roster, wire::KvsRoster& out);
void to_wire(const kvs_meta& meta, wire::KvsMeta& out);
void to_wire(const std::string& key, const kvs_cell& cell, wire::KvsCell& out);

// errc::corrupt for anything out of bounds.
[[nodiscard]] expected<kvs_value> from_wire(const wire::KvsValue& in);
[[nodiscard]] expected<kvs_roster> from_wire(const wire::KvsRoster& in);
[[nodiscard]] expected<kvs_meta> from_wire(const wire::KvsMeta& in);
[[nodiscard]] expected<kvs_cell> from_wire(const wire::KvsCell& in);

/// A ballot that some epoch may have.
[[nodiscard]] bool is_kvs_ballot(std::uint64_t ballot) noexcept;

}  // namespace troupe
