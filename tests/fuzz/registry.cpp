// Fuzz entry: what nodes say of registered actors, at a machine. What passes reads back as the same; nobody but the
// owner is believed about this node, ledgers keep their limit.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "runtime/base/check.hpp"
#include "runtime/registry/registry_machine.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace troupe;
  const auto m = decode_registry_message({reinterpret_cast<const char*>(data), size});
  if (!m) return 0;
  const auto again = decode_registry_message(encode(*m));
  TROUPE_CHECK(again.has_value() && *again == *m);

  const auto now = time_point{} + std::chrono::hours(1);
  registry_machine machine({1, 2}, troupe::random(1));
  machine.set_members({{3, 4}, {5, 6}}, now);
  TROUPE_CHECK(machine.add({"mine", 1}, now).has_value());
  for (int i = 0; i < 2; ++i) {
    const auto answer = machine.on_message({3, 4}, *m, now);
    TROUPE_CHECK(!answer || decode_registry_message(encode(*answer)).has_value());
  }
  TROUPE_CHECK(machine.mine().entries().size() == 1 && machine.entries() <= 1 + 2 * registry_entries_max);
  for (const auto& [to, out] : machine.on_tick(now)) TROUPE_CHECK(decode_registry_message(encode(out)).has_value());
  return 0;
}
