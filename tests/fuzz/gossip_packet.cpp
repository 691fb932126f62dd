// Fuzz entry: the decoder of gossip packets. What it lets through keeps every limit of packet.hpp and
// member.hpp, and can be encoded and read again as the same.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/check.hpp"
#include "runtime/membership/packet.hpp"

namespace {

using namespace troupe::membership;

void check_limits(const packet& p) {
  TROUPE_CHECK(!p.from.empty() && p.from.size() <= name_bytes_max && !p.from_id.empty());
  TROUPE_CHECK(p.target.size() <= name_bytes_max && p.target_address.size() <= address_bytes_max);
  TROUPE_CHECK(p.text.size() <= text_bytes_max && p.cluster_name.size() <= text_bytes_max);
  TROUPE_CHECK(p.digest.size() <= digest_bytes_max && p.updates.size() <= updates_max);
  TROUPE_CHECK(p.patience_ms <= patience_ms_max);
  for (const auto& u : p.updates) {
    TROUPE_CHECK(!u.name.empty() && u.name.size() <= name_bytes_max && !u.id.empty());
    TROUPE_CHECK(u.incarnation <= incarnation_max && u.told_at <= u.incarnation);
    TROUPE_CHECK(u.address.size() <= address_bytes_max && u.by.size() <= name_bytes_max);
    TROUPE_CHECK(check(u.told).has_value() && u.age >= troupe::duration::zero());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto p = decode(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!p) return 0;
  check_limits(*p);
  const auto bytes = encode(*p);
  if (bytes.size() > packet_bytes_max) return 0;  // it was made of fewer bytes than we would write
  const auto again = decode(bytes);
  TROUPE_CHECK(again.has_value() && encode(*again) == bytes);
  return 0;
}
