// The file of seeds: every seed that is taken can be parsed, and the limits hold.
#include <cstdint>
#include <string_view>

#include "actors/net/seed_spec.hpp"
#include "runtime/base/check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto found = troupe::parse_seeds({reinterpret_cast<const char*>(bytes), size});
  TROUPE_CHECK(found.seeds.size() <= troupe::seeds_in_file::seeds_max && found.bad.size() <= 101);
  for (const auto& seed : found.seeds) {
    const auto spec = troupe::parse_seed(seed);
    TROUPE_CHECK(spec.has_value() && !spec->host.empty());
  }
  return 0;
}
