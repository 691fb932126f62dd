// Fuzz entry: what an election gets from others and from its disk. The first byte chooses the decoder; what passes
// reads back as the same bytes, and a message may be handed to a member in the middle of its life.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/check.hpp"
#include "runtime/election/messages.hpp"
#include "runtime/election/record.hpp"
#include "runtime/election/vote_file.hpp"
#include "runtime/sharding/shard_table.hpp"

namespace {

using namespace troupe;

/// What was decoded, encoded and decoded again, is encoded as the same.
template <class Decode>
void reads_back(std::string_view bytes, Decode decode) {
  const auto first = decode(bytes);
  if (!first) return;
  const auto written = encode(*first);
  const auto second = decode(written);
  TROUPE_CHECK(second.has_value() && encode(*second) == written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0: reads_back(bytes, decode_election_message); break;
    case 1: reads_back(bytes, decode_election_digest); break;
    case 2: reads_back(bytes, decode_record); break;
    case 3: reads_back(bytes, decode_vote_file); break;
    default: reads_back(bytes, decode_shard_table); break;
  }
  return 0;
}
