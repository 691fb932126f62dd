// Fuzz entry: a membership machine in a cluster of three that gets a sequence of packets, time passing between
// them. The input is a row of (seconds / 16, length / 8, packet); bytes that do not decode are dropped and
// counted. Whatever comes, limits hold, no incarnation goes back and no departed member lives again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "runtime/base/check.hpp"
#include "runtime/membership/swim.hpp"

namespace {

using namespace troupe::membership;
using troupe::member_state;

local_member introduce() {
  local_member m;
  m.name = "a";
  m.address = "a:7070";
  m.id = {1, 1};
  return m;
}

struct seen {
  troupe::incarnation_id id;
  std::uint64_t incarnation = 0;
  bool departed = false;
};

void watch(const swim& m, const output& out, std::map<std::string, seen>& memory) {
  for (const auto& p : out.packets) TROUPE_CHECK(p.bytes.size() <= packet_bytes_max);
  TROUPE_CHECK(m.others().size() <= members_max && m.health() < settings{}.health_max);
  if (!m.joined()) memory.clear();
  std::erase_if(memory, [&m](const auto& known) { return m.find(known.first) == nullptr; });  // forgotten
  for (const auto& [name, r] : m.others()) {
    auto& s = memory[name];
    if (s.id == r.id) {
      TROUPE_CHECK(r.incarnation >= s.incarnation);
      TROUPE_CHECK(!s.departed || r.state == member_state::departed);
    }
    s = {r.id, r.incarnation, r.state == member_state::departed};
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  troupe::time_point now = troupe::time_point{} + std::chrono::hours(1);
  swim m(introduce(), settings{}, troupe::random(1));
  output out;
  std::map<std::string, seen> memory;
  m.join({}, now, out);
  while (rest.size() >= 2) {
    const auto until = now + std::chrono::milliseconds(static_cast<unsigned char>(rest[0]) * 1000 / 16);
    const auto length = std::min(rest.size() - 2, static_cast<std::size_t>(static_cast<unsigned char>(rest[1])) * 8);
    while (m.next_tick() <= until) {
      now = std::max(now, m.next_tick());
      m.on_tick(now, out);
      watch(m, out, memory);
      out.clear();
    }
    now = until;
    m.on_packet("b:7070", length % 16 == 0 ? channel::datagram : channel::stream, rest.substr(2, length), now, out);
    watch(m, out, memory);
    out.clear();
    rest.remove_prefix(2 + length);
  }
  return 0;
}
