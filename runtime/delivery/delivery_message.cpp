#include "runtime/delivery/delivery_message.hpp"

#include <utility>

#include "runtime/base/wire_fields.hpp"
#include "troupe/wire/delivery.pb.h"

namespace troupe {

namespace {

tl::unexpected<error> corrupt(const char* why) { return fail(errc::corrupt, std::string("delivery: ") + why); }

void set_id(wire::IncarnationId& w, const incarnation_id& id) {
  w.set_high(id.high);
  w.set_low(id.low);
}

incarnation_id id_of(const wire::IncarnationId& w) noexcept { return {w.high(), w.low()}; }

}  // namespace

std::string encode(const delivery_frame& f) {
  wire::DeliveryFrame w;
  set_id(*w.mutable_producer(), f.producer);
  w.set_sequence(f.sequence);
  w.set_base(f.base);
  w.set_begins(f.begins);
  w.set_ends(f.ends);
  w.set_content(f.content);
  w.set_count(1);
  return w.SerializeAsString();
}

std::string encode(const delivery_ack& a) {
  wire::DeliveryAck w;
  set_id(*w.mutable_producer(), a.producer);
  set_id(*w.mutable_session(), a.session);
  w.set_received(a.received);
  w.set_handled(a.handled);
  for (const auto& f : a.failures) {
    auto& into = *w.add_failures();
    into.set_number(f.number);
    into.set_code(static_cast<std::uint32_t>(f.code));
  }
  w.set_count(static_cast<std::uint32_t>(a.failures.size()) + 1);
  return w.SerializeAsString();
}

expected<delivery_frame> decode_delivery_frame(std::string_view bytes) {
  wire::DeliveryFrame w;
  if (bytes.size() > 2 * delivery_piece_bytes_max || !w.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      w.count() != 1)
    return corrupt("a frame that cannot be read");
  const bool sound = w.base() != 0 && w.base() < delivery_sequence_max && w.sequence() < delivery_sequence_max &&
                     (w.sequence() == 0 || w.sequence() >= w.base()) && w.content().size() <= delivery_piece_bytes_max;
  if (!sound) return corrupt("a frame that makes no sense");
  return delivery_frame{id_of(w.producer()), w.sequence(), w.base(),
                        w.begins(),          w.ends(),     std::move(*w.mutable_content())};
}

expected<delivery_ack> decode_delivery_ack(std::string_view bytes) {
  wire::DeliveryAck w;
  if (!has_at_most_fields(bytes, delivery_waiting_max + 16) ||
      !w.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      static_cast<std::size_t>(w.failures_size()) + 1 != w.count())
    return corrupt("an acknowledgement that cannot be read");
  if (w.received() >= delivery_sequence_max || w.handled() > w.received())
    return corrupt("an acknowledgement that makes no sense");
  delivery_ack a{id_of(w.producer()), id_of(w.session()), w.received(), w.handled()};
  for (const auto& f : w.failures()) {
    if (f.number() > w.handled() || f.code() == 0 || f.code() > static_cast<std::uint32_t>(errc_last))
      return corrupt("a failure that makes no sense");
    a.failures.push_back({f.number(), static_cast<errc>(f.code())});
  }
  return a;
}

}  // namespace troupe
