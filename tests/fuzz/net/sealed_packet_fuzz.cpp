// The opener of sealed datagrams: nothing from a stranger opens, and what was sealed opens only unchanged.
#include <cstdint>
#include <string>

#include "actors/net/packet_seal.hpp"
#include "runtime/base/check.hpp"

namespace {

troupe::key_ring some_ring() {
  troupe::ring_key first;
  troupe::ring_key second;
  first.bytes.fill('1');
  second.bytes.fill('2');
  troupe::key_ring ring(first);
  TROUPE_CHECK(ring.install(second).has_value());
  return ring;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using troupe::seal_purpose;
  static troupe::packet_seal opener("fuzz", some_ring());
  static troupe::packet_seal sealer("fuzz", some_ring());
  const std::string input(reinterpret_cast<const char*>(bytes), size);
  TROUPE_CHECK(!opener.open(seal_purpose::gossip, "127.0.0.1:1", input).has_value());
  if (size == 0) return 0;
  auto packet = sealer.seal(seal_purpose::gossip, {}, input);
  auto broken = packet;
  auto& byte = broken[bytes[0] % broken.size()];
  byte = static_cast<char>(byte ^ (1 << (bytes[size - 1] % 8)));
  TROUPE_CHECK(!opener.open(seal_purpose::gossip, "127.0.0.1:1", broken).has_value());
  const auto whole = opener.open(seal_purpose::gossip, "127.0.0.1:1", packet);
  TROUPE_CHECK(whole.has_value() && *whole == input);
  TROUPE_CHECK(!opener.open(seal_purpose::gossip, "127.0.0.1:1", packet).has_value());
  return 0;
}
