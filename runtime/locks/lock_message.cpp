#include "runtime/locks/lock_message.hpp"

#include "troupe/wire/locks.pb.h"

namespace troupe {

namespace {

bool in_bounds(const wire::LockItem& i) {
  return i.what() >= static_cast<std::uint32_t>(lock_word::want) &&
         i.what() <= static_cast<std::uint32_t>(lock_word::refused) &&
         i.kind() <= static_cast<std::uint32_t>(lock_kind::role) && !i.name().empty() &&
         i.name().size() <= lock_name_max && i.permits() <= lock_permits_max && i.token() < term_max &&
         std::chrono::milliseconds(static_cast<std::int64_t>(i.ttl_ms() % 86'400'001)) <= lock_ttl_max &&
         i.ttl_ms() <= 86'400'000 && i.code() <= static_cast<std::uint32_t>(errc_last) &&
         i.reason().size() <= record_text_max;
}

}  // namespace

std::string encode(const lock_message& message) {
  wire::LockMessage out;
  out.set_sequence(message.sequence);
  out.set_answer(message.answer);
  for (const auto& i : message.items) {
    auto& item = *out.add_items();
    item.set_what(static_cast<std::uint32_t>(i.what));
    item.set_claim(i.claim);
    item.set_kind(static_cast<std::uint32_t>(i.key.kind));
    item.set_name(i.key.name);
    item.set_permits(i.permits);
    item.set_ttl_ms(static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(i.ttl).count()));
    item.set_token(i.token);
    item.set_at_once(i.at_once);
    item.set_code(static_cast<std::uint32_t>(i.code));
    item.set_reason(i.reason);
  }
  return out.SerializeAsString();
}

expected<lock_message> decode_lock_message(std::string_view bytes) {
  wire::LockMessage in;
  if (bytes.size() > lock_message_bytes_max || !in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return fail(errc::corrupt, "lock message: not decodable");
  }
  if (static_cast<std::size_t>(in.items_size()) > lock_items_max) return fail(errc::corrupt, "lock message: its size");
  lock_message message{in.sequence(), in.answer(), {}};
  for (const auto& i : in.items()) {
    if (!in_bounds(i)) return fail(errc::corrupt, "lock message: a field out of bounds");
    message.items.push_back({static_cast<lock_word>(i.what()),
                             i.claim(),
                             {static_cast<lock_kind>(i.kind()), i.name()},
                             i.permits(),
                             std::chrono::milliseconds(i.ttl_ms()),
                             i.token(),
                             i.at_once(),
                             static_cast<errc>(i.code()),
                             i.reason()});
  }
  return message;
}

}  // namespace troupe
