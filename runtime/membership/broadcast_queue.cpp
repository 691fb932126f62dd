#include "runtime/membership/broadcast_queue.hpp"

#include <utility>
#include <vector>

namespace troupe::membership {

namespace {
constexpr char separator = '\0';
}  // namespace

void broadcast_queue::insert(std::string key, std::string encoded) {
  const auto [at, inserted] = items_.emplace(std::move(key), item{0, next_number_++, std::move(encoded)});
  if (inserted) order_.insert(place_of(at->first, at->second));
}

void broadcast_queue::push(const std::string& member, std::string encoded) {
  erase(member);
  insert(member, std::move(encoded));
}

void broadcast_queue::add(const std::string& member, const std::string& by, std::string encoded) {
  insert(member + separator + by, std::move(encoded));
}

void broadcast_queue::erase(const std::string& member) {
  const std::string confirmations = member + separator;
  auto at = items_.lower_bound(member);
  while (at != items_.end() && (at->first == member || at->first.starts_with(confirmations))) {
    order_.erase(place_of(at->first, at->second));
    at = items_.erase(at);
  }
}

void broadcast_queue::offer(std::uint32_t limit, function_ref<bool(const std::string&)> take) {
  constexpr int refusals_max = 8;  // the packet is as good as full
  std::vector<place> taken;
  int refusals = 0;
  for (const auto& p : order_) {
    if (take(items_.find(*p.key)->second.encoded)) {
      taken.push_back(p);
    } else if (++refusals == refusals_max) {
      break;
    }
  }
  for (const auto& p : taken) {
    order_.erase(p);
    const auto at = items_.find(*p.key);
    if (++at->second.sent >= limit) {
      items_.erase(at);
    } else {
      order_.insert(place_of(at->first, at->second));
    }
  }
}

}  // namespace troupe::membership
