// Fuzz entry: the first byte says whether a frame or an acknowledgement follows. A frame meets a receiver, which hands
// nothing over twice; an acknowledgement a sender, which confirms nothing that it has not sent.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "runtime/base/check.hpp"
#include "runtime/delivery/delivery_receiver.hpp"
#include "runtime/delivery/delivery_sender.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace troupe;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    const auto f = decode_delivery_frame(bytes);
    if (!f) return 0;
    TROUPE_CHECK(*decode_delivery_frame(encode(*f)) == *f);
    delivery_receiver receiver({5, 6});
    delivery_receiver::output out;
    receiver.on_frame(*f, out);
    receiver.on_frame(*f, out);
    TROUPE_CHECK(out.messages.size() <= 1);
    for (const auto& m : out.messages) receiver.on_handled(m.producer, m.number, errc::conflict, out);
    for (const auto& a : out.acks) TROUPE_CHECK(decode_delivery_ack(encode(a)).has_value());
    return 0;
  }
  const auto a = decode_delivery_ack(bytes);
  if (!a) return 0;
  TROUPE_CHECK(*decode_delivery_ack(encode(*a)) == *a);
  const auto now = time_point{} + std::chrono::hours(1);
  delivery_limits limits;
  limits.piece_bytes = 4;
  delivery_sender sender({1, 2}, limits, troupe::random(1));
  delivery_sender::output out;
  TROUPE_CHECK(sender.offer("hello", now, out).has_value() && sender.offer("you", now, out).has_value());
  sender.on_ack(*a, now, out);
  TROUPE_CHECK(out.confirmed.empty());
  sender.on_route(now, out);
  sender.on_ack(*a, now, out);
  sender.on_ack(*a, now, out);
  TROUPE_CHECK(out.confirmed.size() <= 2 && sender.waiting() + out.confirmed.size() == 2);
  for (const auto& f : out.frames) TROUPE_CHECK(decode_delivery_frame(encode(f)).has_value());
  return 0;
}
