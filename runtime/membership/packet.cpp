#include "runtime/membership/packet.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "troupe/wire/membership.pb.h"

namespace troupe::membership {

namespace {

constexpr std::array<member_state, 5> states = {member_state::alive, member_state::suspect, member_state::failed,
                                                member_state::departing, member_state::departed};

wire::MemberState wire_of(member_state s) {
  const auto at = std::find(states.begin(), states.end(), s);
  return static_cast<wire::MemberState>(at - states.begin());
}

void put(wire::IncarnationId* into, const incarnation_id& id) {
  into->set_high(id.high);
  into->set_low(id.low);
}

incarnation_id id_of(const wire::IncarnationId& id) { return {id.high(), id.low()}; }

void put(wire::MemberUpdate& into, const update& u) {
  into.set_name(u.name);
  put(into.mutable_id(), u.id);
  into.set_incarnation(u.incarnation);
  into.set_state(wire_of(u.state));
  into.set_by(u.by);
  into.set_link_closed(u.link_closed);
  into.set_age_seconds(static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(u.age).count()));
  if (u.address.empty()) return;
  into.set_address(u.address);
  into.set_told_at(u.told_at);
  into.set_pid(u.told.pid);
  into.set_protocol(u.told.protocol);
  into.set_protocol_min(u.told.protocol_min);
  into.set_meta(u.told.meta);
  for (const auto& s : u.told.services) into.add_services(s);
  for (const auto& [key, value] : u.told.tags) {
    auto* tag = into.add_tags();
    tag->set_key(key);
    tag->set_value(value);
  }
}

bool sound(const wire::MemberUpdate& w) {
  if (w.name().empty() || !is_text(w.name(), name_bytes_max) || !is_text(w.address(), address_bytes_max)) return false;
  if (w.id().high() == 0 && w.id().low() == 0) return false;
  if (w.incarnation() > incarnation_max || !wire::MemberState_IsValid(w.state())) return false;
  if (static_cast<std::size_t>(w.services_size()) > services_max) return false;
  if (static_cast<std::size_t>(w.tags_size()) > tags_max) return false;
  if (w.meta().size() > meta_bytes_max || !is_text(w.by(), name_bytes_max)) return false;
  const auto is_name = [](const std::string& s) { return is_text(s, name_bytes_max); };
  if (!std::all_of(w.services().begin(), w.services().end(), is_name)) return false;
  return std::all_of(w.tags().begin(), w.tags().end(), [](const auto& tag) {
    return is_text(tag.key(), name_bytes_max) && is_text(tag.value(), tag_value_bytes_max);
  });
}

update read(const wire::MemberUpdate& w) {
  constexpr std::uint64_t age_max = 10ULL * 365 * 24 * 3600;
  update u;
  u.name = w.name();
  u.id = id_of(w.id());
  u.incarnation = w.incarnation();
  u.state = states[static_cast<std::size_t>(w.state())];
  u.by = w.by();
  u.link_closed = w.link_closed();
  u.age = std::chrono::seconds(std::min(w.age_seconds(), age_max));
  u.address = w.address();
  if (u.address.empty()) return u;
  u.told_at = std::min(w.told_at(), w.incarnation());
  u.told.pid = w.pid();
  u.told.protocol = w.protocol();
  u.told.protocol_min = w.protocol_min();
  u.told.meta = w.meta();
  u.told.services.assign(w.services().begin(), w.services().end());
  for (const auto& tag : w.tags()) u.told.tags[tag.key()] = tag.value();
  return u;
}

bool sound(const wire::GossipPacket& w) {
  if (w.from().empty() || !is_text(w.from(), name_bytes_max) || !is_text(w.target(), name_bytes_max)) return false;
  if (!is_text(w.text(), text_bytes_max) || !is_text(w.cluster_name(), text_bytes_max)) return false;
  if (w.from_id().high() == 0 && w.from_id().low() == 0) return false;
  if (!is_text(w.target_address(), address_bytes_max) || w.digest().size() > digest_bytes_max) return false;
  if (!wire::GossipKind_IsValid(w.kind()) || !wire::JoinRefusal_IsValid(w.refusal())) return false;
  if (static_cast<std::size_t>(w.updates_size()) > updates_max) return false;
  return std::all_of(w.updates().begin(), w.updates().end(), [](const auto& u) { return sound(u); });
}

}  // namespace

std::string_view name_of(join_refusal r) noexcept {
  switch (r) {
    case join_refusal::none: return "none";
    case join_refusal::cluster_name: return "cluster_name";
    case join_refusal::protocol: return "protocol";
    case join_refusal::expected_members: return "expected_members";
    case join_refusal::no_joiners: return "no_joiners";
    case join_refusal::name_in_use: return "name_in_use";
    case join_refusal::departed: return "departed";
    case join_refusal::full: return "full";
  }
  return "unknown";
}

std::string encode(const packet& p) {
  wire::GossipPacket w;
  w.set_protocol(p.protocol);
  w.set_cluster(p.cluster);
  w.set_from(p.from);
  put(w.mutable_from_id(), p.from_id);
  w.set_digest(p.digest);
  w.set_kind(static_cast<wire::GossipKind>(p.kind));
  w.set_sequence(p.sequence);
  w.set_target(p.target);
  if (!p.target_id.empty()) put(w.mutable_target_id(), p.target_id);
  w.set_target_address(p.target_address);
  w.set_patience_ms(p.patience_ms);
  w.set_hash(p.hash);
  w.set_want(p.want);
  w.set_welcome(p.welcome);
  w.set_refusal(static_cast<wire::JoinRefusal>(p.refusal));
  w.set_text(p.text);
  w.set_cluster_name(p.cluster_name);
  w.set_expected_members(p.expected_members);
  w.set_talk(p.talk);
  for (const auto& u : p.updates) put(*w.add_updates(), u);
  return w.SerializeAsString();
}

std::string encode(const update& u) {
  wire::MemberUpdate w;
  put(w, u);
  return w.SerializeAsString();
}

namespace {

void append_length(std::string& to, std::size_t length) {
  for (; length >= 0x80; length >>= 7) to.push_back(static_cast<char>(length | 0x80));
  to.push_back(static_cast<char>(length));
}

}  // namespace

bool append_talk(std::string& packet_bytes, std::string_view talk) {
  static_assert(wire::GossipPacket::kTalkFieldNumber == 40);
  constexpr std::string_view tag = "\xc2\x02";  // number 40, length-delimited
  if (talk.empty()) return true;
  if (packet_bytes.size() + talk_header_bytes + talk.size() > packet_bytes_max) return false;
  packet_bytes.append(tag);
  append_length(packet_bytes, talk.size());
  packet_bytes.append(talk);
  return true;
}

bool append_update(std::string& packet_bytes, std::string_view update_bytes) {
  // Concatenated protobuf messages merge, so a field may be added to bytes that are already made:
  // its tag (number 15, length-delimited), its length, itself.
  static_assert(wire::GossipPacket::kUpdatesFieldNumber == 15);
  constexpr char tag = (15 << 3) | 2;
  constexpr std::size_t header_max = 3;  // the tag, and a length below 2^14
  if (update_bytes.size() > update_bytes_max + name_bytes_max) return false;
  if (packet_bytes.size() + header_max + update_bytes.size() > packet_bytes_max) return false;
  packet_bytes.push_back(tag);
  append_length(packet_bytes, update_bytes.size());
  packet_bytes.append(update_bytes);
  return true;
}

expected<packet> decode(std::string_view bytes) {
  if (bytes.size() > packet_bytes_max) return fail(errc::too_large, "gossip packet");
  wire::GossipPacket w;
  if (!w.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return fail(errc::corrupt, "gossip packet");
  if (!sound(w)) return fail(errc::corrupt, "gossip packet breaks a limit");
  packet p;
  p.protocol = w.protocol();
  p.cluster = w.cluster();
  p.from = w.from();
  p.from_id = id_of(w.from_id());
  p.digest = w.digest();
  p.kind = static_cast<packet_kind>(w.kind());
  p.sequence = w.sequence();
  p.target = w.target();
  p.target_id = id_of(w.target_id());
  p.target_address = w.target_address();
  p.patience_ms = std::min(w.patience_ms(), patience_ms_max);
  p.hash = w.hash();
  p.want = w.want();
  p.welcome = w.welcome();
  p.refusal = static_cast<join_refusal>(w.refusal());
  p.text = w.text();
  p.cluster_name = w.cluster_name();
  p.expected_members = w.expected_members();
  p.talk = w.talk();
  p.updates.reserve(static_cast<std::size_t>(w.updates_size()));
  for (const auto& u : w.updates()) p.updates.push_back(read(u));
  return p;
}

std::uint32_t cluster_hash(std::string_view name, std::uint32_t expected_members) noexcept {
  std::uint32_t hash = 2166136261U;  // FNV-1a
  const auto mix = [&hash](unsigned char byte) { hash = (hash ^ byte) * 16777619U; };
  for (const char c : name) mix(static_cast<unsigned char>(c));
  for (int shift = 0; shift < 32; shift += 8) mix(static_cast<unsigned char>(expected_members >> shift));
  return hash;
}

}  // namespace troupe::membership
