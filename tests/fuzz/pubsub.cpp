// Fuzz entry: what nodes say of channels, at a machine whose clients listen. What passes keeps the limits and reads
// back; another node's interest never counts for more than it said, and changes nothing of this node's own.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "runtime/base/check.hpp"
#include "runtime/pubsub/pubsub_machine.hpp"
#include "runtime/pubsub/pubsub_message.hpp"

namespace {

using namespace troupe;
using namespace troupe::pubsub;

void check_limits(const pubsub_message& m) {
  TROUPE_CHECK(m.messages.size() <= batch_messages_max);
  for (const auto& c : m.messages) TROUPE_CHECK(c.kind != topic_kind::pattern);
  if (!m.messages.empty()) {
    TROUPE_CHECK(decode_pubsub(encode(m.messages))->messages.size() == m.messages.size());
    return;
  }
  TROUPE_CHECK(m.update.items.size() <= update_items_max && m.update.from <= m.update.to);
  TROUPE_CHECK(decode_pubsub(encode(m.update))->update.items.size() == m.update.items.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto version = decode_pubsub_answer(bytes))
    TROUPE_CHECK(*decode_pubsub_answer(encode_pubsub_answer(*version)) == *version);
  const auto m = decode_pubsub(bytes);
  if (!m) return 0;
  check_limits(*m);
  if (!m->messages.empty()) return 0;

  const auto now = time_point{} + std::chrono::hours(1);
  pubsub_machine machine;
  machine.set_members({{3, 4}, {5, 6}});
  machine.change({topic_kind::channel, "news"}, 1);
  machine.change({topic_kind::pattern, "n*"}, 1);
  (void)machine.on_update({3, 4}, {0, 1, {{{topic_kind::channel, "old"}, 2}}, 0});
  const auto once = machine.on_update({3, 4}, m->update);
  TROUPE_CHECK(machine.on_update({3, 4}, m->update) == once);
  TROUPE_CHECK(machine.mine().listeners({topic_kind::channel, "news"}) == 1);
  TROUPE_CHECK(machine.names(topic_kind::channel).size() <= 2 + m->update.items.size());
  for (const auto& o : machine.due(now)) TROUPE_CHECK(decode_pubsub(encode(o.update)).has_value());
  for (std::uint64_t number = 0; number < 4; ++number) machine.on_answer({3, 4}, number, m->update.have, now);
  for (const auto& o : machine.due(now)) TROUPE_CHECK(decode_pubsub(encode(o.update)).has_value());
  machine.set_members({});
  TROUPE_CHECK(machine.names(topic_kind::channel).size() == 1);
  return 0;
}
