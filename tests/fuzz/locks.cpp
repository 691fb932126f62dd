// Fuzz entry: the lock table of the cluster record, and messages about locks to a leader and to a member. What is let
// through keeps the limits, and no leader's next table breaks them.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "runtime/base/check.hpp"
#include "runtime/locks/lock_client.hpp"
#include "runtime/locks/lock_server.hpp"

namespace {

using namespace troupe;

void read_table(std::string_view bytes) {
  const auto table = decode_lock_table(bytes);
  if (!table) return;
  TROUPE_CHECK(table->rows.size() <= lock_rows_max && table->grants() <= lock_grants_max);
  const auto again = decode_lock_table(encode(*table));
  TROUPE_CHECK(again.has_value() && *again == *table);
}

void hear(std::string_view bytes) {
  const auto message = decode_lock_message(bytes);
  if (!message) return;
  TROUPE_CHECK(message->items.size() <= lock_items_max);
  const auto now = time_point{} + std::chrono::hours(1);
  lock_server server;
  server.begin(now);
  std::vector<lock_packet> out;
  server.on_ask({"a", {1, 1}}, *message, now, out);
  if (const auto next = server.next_table(now)) {
    const auto read = decode_lock_table(encode(*next));
    TROUPE_CHECK(read.has_value() && *read == *next);
    server.on_table(*next, now, out);
    (void)server.next_table(now + lock_ttl_max * 2);
  }
  lock_client client({"a", {1, 1}}, 0);
  client.on_leader(member_ref{"b", {2, 2}}, now);
  for (int i = 0; i < 3; ++i) (void)client.claim({lock_kind::lock, "x", 1, lock_ttl_min, {}}, i == 0, now);
  client.run(now, out);
  client.on_answer(*message, now);
  client.run(now + lock_ttl_min, out);
  (void)client.next_tick();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0)
    read_table(bytes);
  else
    hear(bytes);
  return 0;
}
