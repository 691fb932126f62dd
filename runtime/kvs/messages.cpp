#include "runtime/kvs/messages.hpp"

#include <algorithm>
#include <array>

#include "runtime/base/wire_fields.hpp"
#include "runtime/kvs/wire.hpp"

namespace troupe {

namespace {

constexpr std::array<std::string_view, 11> kind_names = {
    "unknown", "hello", "prepare", "promise", "accept", "accepted", "look", "looked", "drop", "fetch", "page"};
constexpr std::size_t fields_max = kvs_page_cells_max + 64;

bool in_bounds(const wire::KvsMessage& in) {
  const auto ttl_max = std::chrono::duration_cast<std::chrono::milliseconds>(kvs_ttl_max).count();
  return in.kind() >= 1 && in.kind() < kind_names.size() && in.epoch() < kvs_epoch_max && is_kvs_ballot(in.ballot()) &&
         is_kvs_ballot(in.promised()) && is_kvs_ballot(in.accepted()) && in.key().size() <= kvs_key_bytes_max &&
         in.why() <= static_cast<std::uint32_t>(kvs_refusal::full) &&
         in.ttl_left_ms() <= static_cast<std::uint64_t>(ttl_max) &&
         static_cast<std::size_t>(in.cells_size()) <= kvs_page_cells_max;
}

}  // namespace

std::string_view name_of(kvs_kind kind) noexcept {
  const auto index = static_cast<std::size_t>(kind);
  return kind_names[index < kind_names.size() ? index : 0];
}

std::string encode(const kvs_message& message) {
  wire::KvsMessage out;
  out.set_kind(static_cast<std::uint32_t>(message.kind));
  to_wire(message.group, *out.mutable_group());
  out.set_epoch(message.epoch);
  out.set_round(message.round);
  out.set_ballot(message.ballot);
  if (!message.proposer.empty()) to_wire(message.proposer, *out.mutable_proposer());
  out.set_key(message.key);
  out.set_granted(message.granted);
  out.set_why(static_cast<std::uint32_t>(message.why));
  out.set_promised(message.promised);
  out.set_accepted(message.accepted);
  if (message.value.version != 0) to_wire(message.value, *out.mutable_value());
  out.set_ttl_left_ms(
      static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(message.ttl_left).count()));
  if (message.kind == kvs_kind::hello) to_wire(message.meta, *out.mutable_meta());
  out.set_runs(message.runs);
  out.set_expected(message.expected);
  out.set_asks(message.asks);
  for (const auto& [key, cell] : message.cells) to_wire(key, cell, *out.add_cells());
  out.set_last(message.last);
  out.set_keys_only(message.keys_only);
  return out.SerializeAsString();
}

expected<kvs_message> decode_kvs_message(std::string_view bytes) {
  const auto refuse = [] { return fail(errc::corrupt, "kvs message: out of bounds"); };
  wire::KvsMessage in;
  if (bytes.size() > kvs_message_bytes_max || !has_at_most_fields(bytes, fields_max) ||
      !in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || !in_bounds(in)) {
    return refuse();
  }
  kvs_message m;
  m.kind = static_cast<kvs_kind>(in.kind());
  m.group = from_wire(in.group());
  m.epoch = in.epoch();
  m.round = in.round();
  m.ballot = in.ballot();
  m.proposer = from_wire(in.proposer());
  m.key = in.key();
  m.granted = in.granted();
  m.why = static_cast<kvs_refusal>(in.why());
  m.promised = in.promised();
  m.accepted = in.accepted();
  if (in.has_value()) {
    auto value = from_wire(in.value());
    if (!value) return tl::unexpected(value.error());
    m.value = std::move(*value);
  }
  m.ttl_left = std::chrono::milliseconds(in.ttl_left_ms());
  if (m.kind == kvs_kind::hello) {
    auto meta = from_wire(in.meta());
    if (!meta) return tl::unexpected(meta.error());
    m.meta = std::move(*meta);
  }
  m.runs = in.runs();
  m.expected = in.expected();
  m.asks = in.asks();
  for (const auto& c : in.cells()) {
    auto cell = from_wire(c);
    if (!cell) return tl::unexpected(cell.error());
    m.cells.emplace_back(c.key(), std::move(*cell));
  }
  m.last = in.last();
  m.keys_only = in.keys_only();
  // What was accepted has a version that is not above its ballot; who is asked to accept gets a value.
  if (m.value.version > std::max(m.accepted, m.ballot)) return refuse();
  if (m.kind == kvs_kind::accept && (m.value.version == 0 || m.ballot == 0)) return refuse();
  if (m.kind == kvs_kind::prepare && (m.ballot == 0 || m.proposer.empty())) return refuse();
  if ((m.kind == kvs_kind::promise || m.kind == kvs_kind::looked) && (m.accepted == 0) != (m.value.version == 0)) {
    return refuse();
  }
  return m;
}

}  // namespace troupe
