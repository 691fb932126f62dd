#include "runtime/delivery/delivery_receiver.hpp"

#include <algorithm>

namespace troupe {

// The one that was not heard of for longest makes room, unless all have messages that are not handled.
delivery_receiver::producer* delivery_receiver::find_or_make(const delivery_frame& f) {
  if (const auto at = producers_.find(f.producer); at != producers_.end()) return &at->second;
  if (producers_.size() >= delivery_producers_max) {
    auto oldest = producers_.end();
    for (auto at = producers_.begin(); at != producers_.end(); ++at) {
      if (at->second.in_hand.empty() && !at->second.open &&
          (oldest == producers_.end() || at->second.used < oldest->second.used))
        oldest = at;
    }
    if (oldest == producers_.end()) return nullptr;
    producers_.erase(oldest);
  }
  auto& p = producers_[f.producer];
  p.session = {self_.high, self_.low + ++sessions_};
  p.expected = f.base;
  p.handled = f.base - 1;
  return &p;
}

void delivery_receiver::begin_at(producer& p, std::uint64_t base) {
  p.expected = base;
  p.handled = std::max(p.handled, base - 1);
  p.open = false;
  bytes_ -= p.partial.size();
  p.partial.clear();
}

void delivery_receiver::on_frame(const delivery_frame& f, output& out) {
  auto* p = find_or_make(f);
  if (p == nullptr) {
    ++counts_.no_room;
    return;
  }
  p->used = ++uses_;
  p->failures.erase(p->failures.begin(), p->failures.lower_bound(f.base));
  if (f.base > p->expected) begin_at(*p, f.base);
  if (f.sequence == p->expected)
    take(*p, f, out);
  else if (f.sequence != 0)
    ++(f.sequence < p->expected ? counts_.repeated : counts_.early);
  acknowledge(f.producer, *p, out);
}

void delivery_receiver::take(producer& p, const delivery_frame& f, output& out) {
  if (f.begins == p.open || p.partial.size() + f.content.size() > delivery_message_bytes_max) {
    ++counts_.malformed;
    return;
  }
  if (bytes_ != 0 && bytes_ + f.content.size() > delivery_unhandled_bytes_max) {
    ++counts_.no_room;
    return;
  }
  ++p.expected;
  ++counts_.taken;
  bytes_ += f.content.size();
  p.open = !f.ends;
  p.partial += f.content;
  if (p.open) return;
  p.in_hand[f.sequence] = {p.partial.size(), false};
  ++unhandled_;
  out.messages.push_back({f.producer, f.sequence, std::exchange(p.partial, {})});
}

void delivery_receiver::on_handled(const incarnation_id& id, std::uint64_t number, errc how, output& out) {
  const auto at = producers_.find(id);
  if (at == producers_.end()) return;
  auto& p = at->second;
  const auto row = p.in_hand.find(number);
  if (row == p.in_hand.end() || row->second.handled) return;
  row->second.handled = true;
  if (how != errc::ok && p.failures.size() < delivery_waiting_max) p.failures[number] = how;
  ++counts_.handled;
  --unhandled_;
  bytes_ -= row->second.bytes;
  const auto before = p.handled;
  while (!p.in_hand.empty() && p.in_hand.begin()->second.handled) {
    p.handled = std::max(p.handled, p.in_hand.begin()->first);
    p.in_hand.erase(p.in_hand.begin());
  }
  if (p.handled != before) acknowledge(id, p, out);
}

void delivery_receiver::acknowledge(const incarnation_id& id, const producer& p, output& out) const {
  out.acks.push_back({id, p.session, p.expected - 1, p.handled});
  for (const auto& [number, code] : p.failures) {
    if (number <= p.handled) out.acks.back().failures.push_back({number, code});
  }
}

}  // namespace troupe
