#include "gateways/resp/cluster_map.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "gateways/resp/info_text.hpp"

namespace troupe::resp {

namespace {

struct place {
  std::string host;
  std::uint16_t port = 0;
};

place place_of(std::string_view address) {
  place p;
  const auto colon = address.rfind(':');
  if (colon == std::string_view::npos) return p;
  auto host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  p.host = host;
  (void)std::from_chars(address.data() + colon + 1, address.data() + address.size(), p.port);
  return p;
}

bool counts(member_state s) { return s != member_state::failed && s != member_state::departed; }

cluster_node node_of(const member& m, const cluster_view& view, const std::string& own_address) {
  cluster_node n;
  n.id = run_id(m.id);
  n.me = m.id == view.id;
  const auto tag = m.tags.find(address_tag);
  const auto at = place_of(tag != m.tags.end() ? std::string_view(tag->second) : own_address);
  n.host = at.host;
  n.port = at.port;
  n.bus_port = place_of(m.address).port;
  n.suspect = m.state == member_state::suspect;
  return n;
}

void add(std::vector<slot_range>& slots, const slot_range& more) {
  if (!slots.empty() && slots.back().last + 1 == more.first)
    slots.back().last = more.last;
  else
    slots.push_back(more);
}

}  // namespace

cluster_map map_of(const environment& e) {
  const auto view = e.board.read();
  const auto own_address = e.address();
  cluster_map map;
  map.epoch = view->leader_now ? view->leader_now->term : 0;
  std::map<std::string, std::vector<slot_range>> slots;  // by the member's name
  const auto shards = static_cast<std::uint32_t>(view->shards.size());
  for (const auto& s : view->shards) {
    if (s.primary.empty()) continue;
    const auto range = slots_of(s.shard, shards);
    add(slots[s.primary], range);
  }
  std::vector<slot_range> of_silent;  // owners without RESP
  for (const auto& m : view->members) {
    if (!counts(m.state)) continue;
    const bool me = m.id == view->id;
    const bool speaks = me || m.tags.contains(address_tag);
    auto& mine = slots[m.name];
    if (!speaks) {
      of_silent.insert(of_silent.end(), mine.begin(), mine.end());
      continue;
    }
    auto n = node_of(m, *view, own_address);
    n.slots = std::move(mine);
    map.nodes.push_back(std::move(n));
  }
  for (auto& n : map.nodes) {
    if (!n.me || of_silent.empty()) continue;
    auto all = std::exchange(n.slots, {});
    all.insert(all.end(), of_silent.begin(), of_silent.end());
    std::sort(all.begin(), all.end());
    for (const auto& range : all) add(n.slots, range);
  }
  for (const auto& n : map.nodes) {
    for (const auto& range : n.slots) map.slots_assigned += range.last - range.first + 1;
  }
  std::sort(map.nodes.begin(), map.nodes.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return map;
}

}  // namespace troupe::resp
