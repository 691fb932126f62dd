// The door of swim for what rides beside the news of members (gossip_rider.hpp).
#include <algorithm>
#include <utility>

#include "runtime/membership/swim.hpp"

namespace troupe::membership {

namespace {
constexpr std::size_t ride_room_min = 16;         // less is not worth asking for
constexpr int compare_soon_in_gossip_rounds = 8;  // after something new: who missed it finds out
}  // namespace

/// Last on a packet, in the room that is left.
void swim::board(std::string& bytes, packet_kind kind) {
  if (rider_ == nullptr || bytes.size() + talk_header_bytes + ride_room_min > packet_bytes_max) return;
  const std::size_t room = packet_bytes_max - bytes.size() - talk_header_bytes;
  append_talk(bytes, rider_->board(kind, room, retransmit_limit(settings_, live_count())));
}

bool swim::has_gossip() const { return !queue_.empty() || (rider_ != nullptr && rider_->waits()); }

/// Before the acknowledged probe is forgotten.
void swim::take_ride(const sender& s, time_point now, output& out) {
  if (rider_ == nullptr) return;
  ride r{self_, s.said, s.address, s.kind == source::welcome, std::nullopt};
  if (s.said.kind == packet_kind::ack && s.how == channel::datagram) {
    const auto at = probes_.find(s.said.sequence);
    const bool direct = at != probes_.end() && at->second.target == s.said.from && at->second.sent != time_point{};
    if (direct) r.round_trip = now - at->second.sent;
  }
  if (s.said.talk.empty() && !r.round_trip) return;
  rider_->alight(r, now);
  carry_rides(now, out);
}

void swim::carry_rides(time_point now, output& out) {
  if (rider_ == nullptr || phase_ != phase::working) return;
  for (auto& r : rider_->take_packets()) {
    const record* to = table_.find(r.peer);
    if (!r.id.empty() && (to == nullptr || to->id != r.id)) continue;  // as if the packet were lost
    if (r.address.empty() && to == nullptr) continue;
    packet p = header(packet_kind::news);
    p.talk = std::move(r.bytes);
    send_bytes(encode(p), r.address.empty() ? to->address : r.address, r.peer, r.how, out);
  }
  if (rider_->take_fresh()) {
    gossip_soon(now);
    const duration soon = settings_.gossip_interval * compare_soon_in_gossip_rounds;
    compare_wait_ = std::min(compare_wait_, soon);
    next_compare_ = std::min(next_compare_, now + soon / 2 + rng_.between(duration::zero(), soon));
  }
  plan();
}

}  // namespace troupe::membership
