#include "runtime/membership/broadcast_queue.hpp"

#include <utility>
#include <vector>

namespace troupe::membership {

void broadcast_queue::push(const std::string& member, std::string encoded) {
  erase(member);
  const auto [at, inserted] = items_.emplace(member, item{0, next_number_++, std::move(encoded)});
  order_.insert(place_of(at->first, at->second));
}

void broadcast_queue::erase(const std::string& member) {
  const auto at = items_.find(member);
  if (at == items_.end()) return;
  order_.erase(place_of(at->first, at->second));
  items_.erase(at);
}

void broadcast_queue::offer(std::uint32_t limit, function_ref<bool(const std::string&, const std::string&)> take) {
  constexpr int refusals_max = 8;  // the packet is as good as full
  std::vector<std::string> taken;
  int refusals = 0;
  for (const auto& p : order_) {
    if (take(*p.member, items_.find(*p.member)->second.encoded)) {
      taken.push_back(*p.member);
    } else if (++refusals == refusals_max) {
      break;
    }
  }
  for (const auto& member : taken) {
    const auto at = items_.find(member);
    order_.erase(place_of(at->first, at->second));
    if (++at->second.sent >= limit) {
      items_.erase(at);
    } else {
      order_.insert(place_of(at->first, at->second));
    }
  }
}

}  // namespace troupe::membership
