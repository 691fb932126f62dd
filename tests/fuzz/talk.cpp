// Fuzz entry: what rides on gossip packets, and a machine that gets it. The first byte says when; the rest is
// the Talk. What passes the decoder keeps the limits of announcement.hpp; no place ever becomes unsound.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/check.hpp"
#include "runtime/membership/talk.hpp"

namespace {

using namespace troupe::membership;

void check_limits(const talk_bundle& b) {
  for (const auto& a : b.heard) TROUPE_CHECK(check(a).has_value() && a.id.time > 0 && !a.id.origin.empty());
  TROUPE_CHECK(!b.compared || b.compared->known.size() <= announcements::window_max);
  TROUPE_CHECK(!b.reply || b.reply->payload.size() <= answer_bytes_max);
  TROUPE_CHECK(decode_talk(encode_talk(b)).has_value() || encode_talk(b).size() > packet_bytes_max);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (const auto b = decode_talk(bytes)) check_limits(*b);
  talk machine("a", {1, 1}, "1", troupe::random(1));
  record self;
  self.name = "a";
  packet p;
  p.from = "b";
  p.from_id = {2, 2};
  p.talk = bytes;
  const troupe::time_point now = troupe::time_point{} + std::chrono::hours(1);
  const ride r{self, p, "b:1", data[0] % 2 == 0, std::chrono::milliseconds(data[0])};
  for (int i = 0; i < 3; ++i) machine.alight(r, now + std::chrono::milliseconds(data[0] * i));
  machine.on_tick(now + std::chrono::seconds(data[0]));
  TROUPE_CHECK(machine.places().own().sound());
  TROUPE_CHECK(machine.take_output().events.size() <= bytes.size());
  for (const auto& out : machine.take_packets()) TROUPE_CHECK(out.bytes.size() <= packet_bytes_max);
  return 0;
}
