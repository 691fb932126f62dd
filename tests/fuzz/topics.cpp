// Fuzz entry: packets about topics, at a machine with subscribers. What passes reads back as the same; nobody gets
// anything twice, tables keep their limits.
#include <cstddef>
#include <cstdint>
#include <set>
#include <string_view>

#include "runtime/base/check.hpp"
#include "runtime/topics/topics_machine.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace troupe;
  const auto p = decode_topic_packet({reinterpret_cast<const char*>(data), size});
  if (!p) return 0;
  const auto again = decode_topic_packet(encode(*p));
  TROUPE_CHECK(again.has_value() && encode(*again) == encode(*p));

  const auto now = time_point{} + std::chrono::hours(1);
  topics_machine machine({1, 2}, troupe::random(1));
  machine.set_members({{3, 4}, {5, 6}}, now);
  topics_machine::deliveries out;
  TROUPE_CHECK(machine.subscribe("t", "", out).has_value() && machine.subscribe("t", "g", out).has_value());
  for (int i = 0; i < 2; ++i) {
    const auto answer = machine.on_packet({3, 4}, *p, out);
    TROUPE_CHECK(!answer || decode_topic_packet(encode(*answer)).has_value());
  }
  std::set<std::pair<topic_subscription_id, topic_stamp>> seen;
  for (const auto& d : out) TROUPE_CHECK(!d.content || seen.insert({d.to, d.stamp}).second);
  machine.on_answer({{3, 4}, p->part, 1}, topic_outcome::answered, &*p, now, out);
  TROUPE_CHECK(machine.retained().topics() <= retained_excess * retained_topics_max);
  for (const auto& o : machine.due(now)) TROUPE_CHECK(decode_topic_packet(encode(o.packet)).has_value());
  return 0;
}
