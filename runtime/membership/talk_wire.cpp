#include "runtime/membership/talk_wire.hpp"

#include <algorithm>
#include <cmath>

#include "troupe/wire/talk.pb.h"

namespace troupe::membership {

namespace {

constexpr int announcements_in_packet_max = 64;
constexpr double microsecond = 1e-6;
constexpr double error_unit = 1e-4;

expected<announcement> read(const wire::TalkAnnouncement& w) {
  announcement a;
  if (w.kind() > 1) return fail(errc::corrupt, "an announcement of no known kind");
  a.kind = w.kind() == 0 ? announcement_kind::event : announcement_kind::query;
  a.id = {w.time(), {w.origin_id().high(), w.origin_id().low()}};
  a.after = w.after();
  a.origin = w.origin();
  a.name = w.name();
  a.payload = w.payload();
  a.service = w.service();
  a.timeout = std::chrono::milliseconds(w.timeout_ms());
  if (static_cast<std::size_t>(w.tags_size()) > query_tags_max) return fail(errc::corrupt, "too many tags");
  for (const auto& tag : w.tags()) a.tags[tag.key()] = tag.value();
  const bool named = !a.origin.empty() && is_text(a.origin, name_bytes_max) && !a.id.origin.empty();
  if (!named || a.id.time == 0 || a.after >= a.id.time) return fail(errc::corrupt, "an announcement of nobody");
  if (!check(a)) return fail(errc::corrupt, "an announcement breaks a limit");
  return a;
}

/// Beyond a day in any direction it is nonsense; the machine's own bounds are narrower.
bool sound(const wire::TalkCoordinate& w) {
  return w.position_size() == static_cast<int>(coordinate_dimensions) && w.error() <= 15'000;
}

coordinate read(const wire::TalkCoordinate& w) {
  coordinate c;
  for (std::size_t i = 0; i < coordinate_dimensions; ++i) {
    c.position[i] = static_cast<double>(w.position(static_cast<int>(i))) * microsecond;
  }
  c.height = static_cast<double>(w.height()) * microsecond;
  c.adjustment = static_cast<double>(w.adjustment()) * microsecond;
  c.error = static_cast<double>(w.error()) * error_unit;
  return c;
}

std::int32_t whole(double value, double unit) {
  constexpr double max = 2e9;
  return static_cast<std::int32_t>(std::lround(std::clamp(value / unit, -max, max)));
}

wire::TalkAnnouncement wire_of(const announcement& a) {
  wire::TalkAnnouncement w;
  w.set_kind(a.kind == announcement_kind::event ? 0 : 1);
  w.set_time(a.id.time);
  w.set_after(a.after);
  w.set_origin(a.origin);
  w.mutable_origin_id()->set_high(a.id.origin.high);
  w.mutable_origin_id()->set_low(a.id.origin.low);
  w.set_name(a.name);
  w.set_payload(a.payload);
  w.set_service(a.service);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(a.timeout).count();
  w.set_timeout_ms(static_cast<std::uint32_t>(ms));
  for (const auto& [key, value] : a.tags) {
    auto* tag = w.add_tags();
    tag->set_key(key);
    tag->set_value(value);
  }
  return w;
}

void put(wire::TalkCoordinate& into, const coordinate& c) {
  for (const double p : c.position) into.add_position(whole(p, microsecond));
  into.set_height(static_cast<std::uint32_t>(whole(c.height, microsecond)));
  into.set_adjustment(whole(c.adjustment, microsecond));
  into.set_error(static_cast<std::uint32_t>(whole(c.error, error_unit)));
}

void put(wire::TalkComparison& into, const comparison& c) {
  into.set_floor(c.floor);
  into.set_reply(c.reply);
  for (const auto& m : c.known) {
    into.add_times(m.time);
    into.add_origins(m.origin);
  }
}

void put(wire::TalkAnswer& into, const query_reply& r) {
  into.set_time(r.time);
  into.set_handled(r.handled);
  into.set_payload(r.payload);
}

}  // namespace

std::string encode(const announcement& a) { return wire_of(a).SerializeAsString(); }

std::string encode_talk(const talk_bundle& b) {
  wire::Talk w;
  for (const auto& a : b.heard) *w.add_announcements() = wire_of(a);
  if (b.place) put(*w.mutable_coordinate(), *b.place);
  w.set_clock(b.clock);
  if (b.compared) put(*w.mutable_comparison(), *b.compared);
  if (b.reply) put(*w.mutable_answer(), *b.reply);
  return w.SerializeAsString();
}

bool append_announcement(std::string& talk_bytes, std::string_view encoded, std::size_t bytes_max) {
  // Concatenated protobuf messages merge: the field's tag (number 1, length-delimited), its length, itself.
  static_assert(wire::Talk::kAnnouncementsFieldNumber == 1);
  constexpr char tag = (1 << 3) | 2;
  constexpr std::size_t header_max = 3;
  if (talk_bytes.size() + header_max + encoded.size() > bytes_max) return false;
  talk_bytes.push_back(tag);
  auto length = encoded.size();
  for (; length >= 0x80; length >>= 7) talk_bytes.push_back(static_cast<char>(length | 0x80));
  talk_bytes.push_back(static_cast<char>(length));
  talk_bytes.append(encoded);
  return true;
}

expected<talk_bundle> decode_talk(std::string_view bytes) {
  wire::Talk w;
  if (bytes.size() > packet_bytes_max) return fail(errc::corrupt, "talk");
  if (!w.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return fail(errc::corrupt, "talk");
  if (w.announcements_size() > announcements_in_packet_max) return fail(errc::corrupt, "too many announcements");
  talk_bundle b;
  for (const auto& one : w.announcements()) {
    auto a = read(one);
    if (!a) return tl::unexpected(std::move(a.error()));
    b.heard.push_back(std::move(*a));
  }
  std::sort(b.heard.begin(), b.heard.end(), [](const auto& x, const auto& y) { return x.id < y.id; });
  b.clock = w.clock();
  if (w.has_coordinate()) {
    if (!sound(w.coordinate())) return fail(errc::corrupt, "a coordinate of another space");
    b.place = read(w.coordinate());
  }
  if (w.has_comparison()) {
    const auto& c = w.comparison();
    const bool fits =
        c.times_size() == c.origins_size() && c.times_size() <= static_cast<int>(announcements::window_max);
    if (!fits) return fail(errc::corrupt, "a comparison of too much");
    b.compared = comparison{c.floor(), {}, c.reply()};
    for (int i = 0; i < c.times_size(); ++i) b.compared->known.push_back({c.times(i), c.origins(i)});
  }
  if (w.has_answer()) {
    if (w.answer().payload().size() > answer_bytes_max) return fail(errc::corrupt, "an answer beyond its limit");
    b.reply = query_reply{w.answer().time(), w.answer().handled(), w.answer().payload()};
  }
  return b;
}

}  // namespace troupe::membership
