#include "runtime/topics/topics_machine.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

using pubsub::topic_kind;

namespace {

/// The name under which a group's members are counted; topics hold no zero.
std::string name_of_group(std::string_view topic, std::string_view group) {
  std::string name(topic);
  name.push_back('\0');
  name.append(group);
  return name;
}

}  // namespace

void topics_machine::set_members(std::set<incarnation_id> others, time_point now) {
  others.erase(self_);
  interest_.set_members(others);
  std::erase_if(peers_, [&](const auto& row) {
    if (others.contains(row.first)) return false;
    counts_.lost += row.second.box.waiting();
    return true;
  });
  for (const auto& id : others) {
    if (peers_.contains(id)) continue;
    auto& p = peers_[id];
    p.stay = ++stays_;
    p.ask_at = now;
  }
  if (heard_.size() > heard_max) forget_all_but(others);
  if (peers_.empty())
    next_round_ = time_point::max();
  else if (next_round_ == time_point::max())
    plan_round(now);
}

void topics_machine::forget_all_but(std::set<incarnation_id> others) {
  std::erase_if(heard_, [&](const auto& row) { return !others.contains(row.first); });
  others.insert(self_);
  mine_.remember_only(others);
}

// ---- this node's subscribers ----

void topics_machine::count_interest(const topic_subscriptions::row& r, std::int64_t by) {
  if (r.group.empty())
    interest_.change({topic_kind::channel, r.topic}, by);
  else
    interest_.change({topic_kind::group, name_of_group(r.topic, r.group)}, by);
}

expected<topic_subscription_id> topics_machine::subscribe(std::string_view topic, std::string_view group,
                                                          deliveries& out) {
  auto id = mine_.add(topic, group);
  if (!id) return id;
  count_interest(*mine_.find(*id), 1);
  const auto* last = group.empty() ? retained_.find(topic) : nullptr;
  if (last != nullptr) {
    (void)mine_.give_retained(*id, last->stamp);
    out.push_back({*id, std::nullopt, last->content, last->stamp});
  }
  return id;
}

void topics_machine::unsubscribe(topic_subscription_id id) {
  if (const auto was = mine_.remove(id)) count_interest(*was, -1);
}

// ---- publishing ----

topics_machine::picks topics_machine::pick_groups(std::string_view topic) {
  struct members {
    std::vector<std::pair<incarnation_id, std::uint64_t>> nodes;
    std::uint64_t total = 0;
  };
  std::map<std::string, members> groups;
  const auto prefix = name_of_group(topic, {});
  interest_.each(topic_kind::group, prefix,
                 [&](const incarnation_id& node, std::string_view name, std::uint64_t count) {
                   auto& g = groups[std::string(name.substr(prefix.size()))];
                   g.nodes.emplace_back(node.empty() ? self_ : node, count);
                   g.total += count;
                 });
  if (turns_.size() > turns_max) turns_.clear();
  picks chosen;
  for (const auto& [group, m] : groups) {
    const auto turn = turns_.try_emplace(name_of_group(topic, group), rng_.below(m.total)).first;
    auto at = turn->second++ % m.total;
    for (const auto& [node, count] : m.nodes) {
      if (at >= count) {
        at -= count;
        continue;
      }
      auto& there = chosen[node];
      if (there.size() < topic_groups_max) there.push_back(group);
      break;
    }
  }
  return chosen;
}

void topics_machine::enqueue(peer& p, topic_message m) {
  if (!p.box.add(std::move(m))) ++counts_.dropped;
}

expected<topics_machine::reach> topics_machine::publish(std::string_view topic, topic_content content, bool retain,
                                                        deliveries& out) {
  if (!is_topic(topic)) {
    return fail(errc::invalid_argument,
                "a topic has 1 to " + std::to_string(topic_bytes_max) + " bytes, none of them zero");
  }
  if (content->size() > topic_content_bytes_max)
    return fail(errc::too_large,
                "a message of a topic has at most " + std::to_string(topic_content_bytes_max) + " bytes");
  if (retain) {
    if (auto room = retained_.may_add(topic, content->size()); !room) return tl::unexpected<error>(room.error());
  }
  ++counts_.published;
  topic_message m{std::string(topic), ++clock_, {}, retain, topic_message::kind::content, std::move(content)};
  const topic_stamp stamp{m.count, self_};
  if (retain) (void)retained_.put(topic, {stamp, m.content});
  auto groups = pick_groups(topic);
  std::set<incarnation_id> nodes;
  for (const auto& [node, chosen] : groups) nodes.insert(node);
  for (const auto& node : interest_.others(topic_kind::channel, topic).nodes) nodes.insert(node);
  if (retain) {
    for (const auto& [node, p] : peers_) nodes.insert(node);
  }
  reach r;
  for (const auto& node : nodes) {
    const auto at = peers_.find(node);
    if (at == peers_.end()) continue;
    auto copy = m;
    copy.groups = groups[node];
    enqueue(at->second, std::move(copy));
    r.nodes.push_back(node);
  }
  m.groups = std::move(groups[self_]);
  r.here = deliver(stamp, m, out);
  return r;
}

expected<void> topics_machine::forget(std::string_view topic) {
  if (!is_topic(topic)) return fail(errc::invalid_argument, "a topic that is none");
  if (retained_.find(topic) == nullptr) return {};
  topic_message m{std::string(topic), ++clock_, {}, true, topic_message::kind::gone};
  (void)retained_.put(topic, {{m.count, self_}, nullptr});
  for (auto& [node, p] : peers_) enqueue(p, m);
  return {};
}

std::size_t topics_machine::deliver(const topic_stamp& stamp, const topic_message& m, deliveries& out) {
  const auto before = out.size();
  mine_.each(m.topic, [&](topic_subscription_id id) {
    if (mine_.give(id, stamp, m.retain)) out.push_back({id, std::nullopt, m.content, stamp});
  });
  for (const auto& g : m.groups) {
    if (const auto id = mine_.next(m.topic, g))
      out.push_back({*id, std::nullopt, m.content, stamp});
    else
      ++counts_.nobody;
  }
  return out.size() - before;
}

// ---- what other nodes say ----

void topics_machine::tell_gap(std::string_view topic, const queue_gap& g, deliveries& out) const {
  mine_.each(topic, [&](topic_subscription_id id) { out.push_back({id, g, nullptr, {}}); });
}

// To all that had something of that node.
void topics_machine::tell_gap_of_all(const incarnation_id& from, bool heard, deliveries& out) const {
  mine_.each_of_all([&](topic_subscription_id id, const topic_subscriptions::row& r) {
    if (heard || r.given.contains(from)) out.push_back({id, queue_gap{0, false}, nullptr, {}});
  });
}

void topics_machine::on_messages(const incarnation_id& from, topic_packet& p, deliveries& out) {
  auto& h = heard_[from];
  if (p.anew && p.version > h.last) {
    tell_gap_of_all(from, h.heard, out);
    if (p.messages.empty()) h.last = p.version;
    clock_ = std::max(clock_, p.version);
  }
  h.heard = true;
  for (auto& m : p.messages) {
    if (m.count <= h.last) {
      ++counts_.repeated;
      continue;
    }
    h.last = m.count;
    clock_ = std::max(clock_, m.count);
    on_message(from, m, out);
  }
}

void topics_machine::on_message(const incarnation_id& from, topic_message& m, deliveries& out) {
  if (m.missed != 0) tell_gap(m.topic, {m.missed, true}, out);
  const topic_stamp stamp{m.count, from};
  if (m.what == topic_message::kind::missed) return;
  if (m.retain || m.what == topic_message::kind::gone) (void)retained_.put(m.topic, {stamp, m.content});
  if (m.what == topic_message::kind::gone) return;
  ++counts_.received;
  (void)deliver(stamp, m, out);
}

// Whoever listens has missed the message that brought it, or gets it later: then that is too late, and those before it
// that are on their way: a gap before the value. Where the publisher is past it already, perhaps what it published
// after it for others only was missed, too: a gap after the value. What was missed before it has been told then, unless
// it had no room: that word comes behind what had some, so who was given older messages is told of a gap before the
// value.
void topics_machine::show_repaired(const std::vector<retained_row>& stored, deliveries& out) {
  for (const auto& row : stored) {
    ++counts_.repaired;
    const auto& stamp = row.value.stamp;
    clock_ = std::max(clock_, stamp.count);
    if (!row.value.content) continue;
    const auto h = heard_.find(stamp.publisher);
    const bool heard = h != heard_.end() && h->second.heard;
    const bool past = h != heard_.end() && h->second.last >= stamp.count;
    mine_.each(row.topic, [&](topic_subscription_id id) {
      using standing = topic_subscriptions::standing;
      const auto how = mine_.give_retained(id, stamp);
      if (how == standing::known) return;
      const bool late = how == standing::late;
      if (late) ++counts_.late;
      std::optional<queue_gap> gap;
      if (how == standing::next || (heard && !past)) gap = queue_gap{0, false};
      out.push_back({id, gap, row.value.content, stamp, late});
      if (past && !late) out.push_back({id, queue_gap{0, false}, nullptr, {}});
    });
  }
}

std::optional<topic_packet> topics_machine::on_packet(const incarnation_id& from, topic_packet p, deliveries& out) {
  topic_packet answer;
  switch (p.part) {
    case topic_packet::kind::messages: on_messages(from, p, out); return std::nullopt;
    case topic_packet::kind::interest:
      answer.part = topic_packet::kind::interest_answer;
      answer.version = interest_.on_update(from, std::move(p.update));
      return answer;
    case topic_packet::kind::retained: {
      std::vector<retained_row> stored;
      auto more = retained_.on_message(p.retained, stored);
      show_repaired(stored, out);
      if (!more) return std::nullopt;
      answer.part = topic_packet::kind::retained;
      answer.retained = std::move(*more);
      return answer;
    }
    case topic_packet::kind::interest_answer: break;
  }
  return std::nullopt;
}

void topics_machine::on_answer(const packet_id& id, topic_outcome how, const topic_packet* answer, time_point now,
                               deliveries& out) {
  if (id.part == topic_packet::kind::interest) {
    const bool good = answer != nullptr && answer->part == topic_packet::kind::interest_answer;  // else: once more
    return interest_.on_answer(id.to, id.stay, good ? std::optional(answer->version) : std::nullopt, now);
  }
  const auto at = peers_.find(id.to);
  if (at == peers_.end() || at->second.stay != id.stay) return;
  auto& p = at->second;
  if (id.part == topic_packet::kind::messages) {
    const auto count = p.box.on_sent(how);
    (how == topic_outcome::answered  ? counts_.sent
     : how == topic_outcome::silence ? counts_.again
                                     : counts_.lost) += count;
    if (how != topic_outcome::answered) p.send_at = now + (how == topic_outcome::silence ? send_again : refused_again);
    return;
  }
  p.retained_asked = false;
  if (how != topic_outcome::answered) {
    p.ask_at = now + ask_again;
    return;
  }
  p.retained_known = true;
  if (answer == nullptr || answer->part != topic_packet::kind::retained) return;
  std::vector<retained_row> stored;
  p.retained_due = retained_.on_message(answer->retained, stored);
  show_repaired(stored, out);
}

// ---- what is due ----

void topics_machine::plan_round(time_point now) {
  next_round_ = now + rng_.between(slow_round / 2, slow_round * 3 / 2);
}

// Of one node; whoever has something asks, and who has nothing is told by its answer.
void topics_machine::ask_round(time_point now) {
  plan_round(now);
  if (retained_.topics() == 0) return;
  auto at = peers_.begin();
  std::advance(at, static_cast<std::ptrdiff_t>(rng_.below(peers_.size())));
  if (!at->second.retained_due) at->second.retained_due = retained_.question();
}

std::vector<topics_machine::outgoing> topics_machine::due(time_point now) {
  std::vector<outgoing> out;
  const auto add = [&out](const incarnation_id& to, std::uint64_t stay, topic_packet packet) {
    out.push_back({{to, packet.part, stay}, std::move(packet)});
  };
  for (auto& o : interest_.due(now)) {
    topic_packet packet;
    packet.part = topic_packet::kind::interest;
    packet.update = std::move(o.update);
    add(o.to, o.number, std::move(packet));
  }
  if (now >= next_round_ && !peers_.empty()) ask_round(now);
  for (auto& [id, p] : peers_) {
    if (p.box.due() && now >= p.send_at) add(id, p.stay, p.box.take(clock_));
    if (!p.retained_known && !p.retained_due && now >= p.ask_at) p.retained_due = retained_.question();
    if (!p.retained_due || p.retained_asked) continue;
    p.retained_asked = true;
    topic_packet packet;
    packet.part = topic_packet::kind::retained;
    packet.retained = *std::exchange(p.retained_due, std::nullopt);
    add(id, p.stay, std::move(packet));
  }
  return out;
}

time_point topics_machine::next_due() const {
  auto next = next_round_;
  if (const auto again = interest_.next_due()) next = std::min(next, *again);
  for (const auto& [id, p] : peers_) {
    if (p.box.due()) next = std::min(next, p.send_at);
    if (!p.retained_known && !p.retained_asked) next = std::min(next, p.ask_at);
  }
  return next;
}

std::uint64_t topics_machine::subscribers(std::string_view topic) const {
  std::uint64_t all = interest_.listeners({topic_kind::channel, topic});
  interest_.each(topic_kind::group, name_of_group(topic, {}),
                 [&](const incarnation_id&, std::string_view, std::uint64_t count) { all += count; });
  return all;
}

std::size_t topics_machine::waiting() const {
  std::size_t all = 0;
  for (const auto& [id, p] : peers_) all += p.box.waiting();
  return all;
}

}  // namespace troupe
