#include "runtime/election/messages.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "troupe/wire/election.pb.h"

namespace troupe {
namespace {

constexpr std::array<std::string_view, 25> kind_names = {
    "unknown",      "hello",       "found",          "found_accepted", "founded",    "refused",       "election",
    "ok",           "coordinator", "ask_term",       "term_answer",    "accept",     "accept_answer", "renew",
    "renew_answer", "lease",       "release",        "record",         "record_ask", "committed",     "stand",
    "ready",        "go",          "transfer_asked", "transfer_failed"};

constexpr char digest_version = 1;
constexpr std::size_t digest_bytes = 1 + 5 * 8;

void put(const incarnation_id& id, wire::IncarnationId& out) {
  out.set_high(id.high);
  out.set_low(id.low);
}

incarnation_id get(const wire::IncarnationId& in) { return {in.high(), in.low()}; }

void put_u64(std::uint64_t value, std::string& out) {
  for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>((value >> shift) & 0xffU));
}

std::uint64_t get_u64(std::string_view bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value |= std::uint64_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  return value;
}

bool values_in_bounds(const wire::ElectionMessage& in) {
  if (static_cast<std::size_t>(in.values_size()) > record_values_max) return false;
  return std::all_of(in.values().begin(), in.values().end(), [](const auto& v) {
    return !v.key().empty() && v.key().size() <= record_text_max && v.value().size() <= record_text_max;
  });
}

bool in_bounds(const wire::ElectionMessage& in) {
  return in.kind() >= 1 && in.kind() < kind_names.size() && in.term() < term_max && in.stamp().term() < term_max &&
         in.stamp().epoch() < term_max && in.promised() < term_max && in.pid() < term_max &&
         in.refusal() <= static_cast<std::uint32_t>(refusal::no_record) &&
         in.lease_us() <= static_cast<std::uint64_t>(
                              std::chrono::duration_cast<std::chrono::microseconds>(election_lease_max).count()) &&
         in.reason().size() <= record_text_max && in.cluster_name().size() <= record_text_max &&
         in.cause().size() <= record_text_max && values_in_bounds(in);
}

bool must_carry_record(election_kind kind) {
  return kind == election_kind::found || kind == election_kind::accept || kind == election_kind::record;
}

}  // namespace

std::string_view name_of(election_kind kind) noexcept {
  const auto index = static_cast<std::size_t>(kind);
  return kind_names[index < kind_names.size() ? index : 0];
}

std::string encode(const election_message& message) {
  wire::ElectionMessage out;
  out.set_kind(static_cast<std::uint32_t>(message.kind));
  if (!message.cluster.empty()) put(message.cluster, *out.mutable_cluster());
  if (!message.voter.empty()) put(message.voter, *out.mutable_voter());
  out.set_term(message.term);
  out.mutable_stamp()->set_term(message.at.term);
  out.mutable_stamp()->set_epoch(message.at.epoch);
  out.set_sequence(message.sequence);
  out.set_echo(message.echo);
  if (message.record) to_wire(*message.record, *out.mutable_record());
  out.set_granted(message.granted);
  out.set_refusal(static_cast<std::uint32_t>(message.why));
  // Rounded up: a candidate must not be told that a lease ends before it does.
  const auto lease = std::chrono::ceil<std::chrono::microseconds>(message.lease);
  out.set_lease_us(static_cast<std::uint64_t>(lease.count()));
  out.set_promised(message.promised);
  out.set_expected_members(message.expected_members);
  out.set_pid(message.pid);
  out.set_fenced(message.fenced);
  out.set_reason(message.reason);
  out.set_cluster_name(message.cluster_name);
  out.set_founding(message.founding);
  out.set_stored(message.stored);
  if (!message.leave.empty()) put(message.leave, *out.mutable_leave());
  out.set_cause(message.cause);
  for (const auto& [key, value] : message.values) {
    auto& entry = *out.add_values();
    entry.set_key(key);
    entry.set_value(value);
  }
  return out.SerializeAsString();
}

expected<election_message> decode_election_message(std::string_view bytes) {
  wire::ElectionMessage in;
  if (bytes.size() > election_message_bytes_max || !in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return fail(errc::corrupt, "election message: not decodable");
  }
  if (!in_bounds(in)) return fail(errc::corrupt, "election message: a field out of bounds");
  election_message message;
  message.kind = static_cast<election_kind>(in.kind());
  message.cluster = get(in.cluster());
  message.voter = get(in.voter());
  message.term = in.term();
  message.at = {in.stamp().term(), in.stamp().epoch()};
  message.sequence = in.sequence();
  message.echo = in.echo();
  message.granted = in.granted();
  message.why = static_cast<refusal>(in.refusal());
  message.lease = std::chrono::microseconds(in.lease_us());
  message.promised = in.promised();
  message.expected_members = in.expected_members();
  message.pid = in.pid();
  message.fenced = in.fenced();
  message.reason = in.reason();
  message.cluster_name = in.cluster_name();
  message.founding = in.founding();
  message.stored = in.stored();
  message.leave = get(in.leave());
  message.cause = in.cause();
  for (const auto& v : in.values()) message.values[v.key()] = v.value();
  if (in.has_record()) {
    auto record = from_wire(in.record());
    if (!record) return tl::unexpected(record.error());
    message.record = std::make_shared<const cluster_record>(std::move(*record));
  }
  if (must_carry_record(message.kind) && (!message.record || message.record->cluster != message.cluster)) {
    return fail(errc::corrupt, "election message: its record is missing or of another cluster");
  }
  if (message.kind == election_kind::accept && message.record->at.term != message.term) {
    return fail(errc::corrupt, "election message: a record of another term");
  }
  return message;
}

std::string encode(const election_digest& digest) {
  std::string bytes(1, digest_version);
  for (const auto value : {digest.cluster, digest.committed.term, digest.committed.epoch, digest.term, digest.leader}) {
    put_u64(value, bytes);
  }
  return bytes;
}

expected<election_digest> decode_election_digest(std::string_view bytes) {
  if (bytes.size() != digest_bytes || bytes[0] != digest_version) {
    return fail(errc::corrupt, "election digest: version or length");
  }
  election_digest digest;
  digest.cluster = get_u64(bytes, 1);
  digest.committed = {get_u64(bytes, 9), get_u64(bytes, 17)};
  digest.term = get_u64(bytes, 25);
  digest.leader = get_u64(bytes, 33);
  if (digest.term >= term_max || digest.committed.term >= term_max || digest.committed.epoch >= term_max) {
    return fail(errc::corrupt, "election digest: a counter at its limit");
  }
  return digest;
}

}  // namespace troupe
