#include "runtime/pubsub/pubsub_machine.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/glob.hpp"

namespace troupe::pubsub {

void pubsub_machine::set_members(const std::set<incarnation_id>& others) {
  std::erase_if(peers_, [&](const auto& row) { return !others.contains(row.first); });
  for (const auto& id : others) peers_[id].member = true;
}

std::vector<pubsub_machine::outgoing> pubsub_machine::due(time_point now) {
  std::vector<outgoing> out;
  for (auto& [id, p] : peers_) {
    if (!has_news(p) || (p.retry_at && now < *p.retry_at)) continue;
    p.in_flight = ++updates_;
    p.retry_at.reset();
    out.push_back({id, p.in_flight, mine_.since(p.told)});
    out.back().update.have = p.known;
  }
  return out;
}

bool pubsub_machine::has_news(const peer& p) const {
  return p.member && p.in_flight == 0 && (!p.ever_told || p.told != mine_.version());
}

std::optional<time_point> pubsub_machine::next_due() const {
  std::optional<time_point> soonest;
  for (const auto& [id, p] : peers_) {
    if (has_news(p) && p.retry_at && (!soonest || *p.retry_at < *soonest)) soonest = p.retry_at;
  }
  return soonest;
}

void pubsub_machine::on_answer(const incarnation_id& from, std::uint64_t number, std::optional<std::uint64_t> version,
                               time_point now) {
  const auto at = peers_.find(from);
  if (at == peers_.end() || at->second.in_flight != number) return;
  auto& p = at->second;
  p.in_flight = 0;
  if (!version) {
    p.retry_at = now + again;
    return;
  }
  p.ever_told = true;
  p.told = *version <= mine_.version() ? *version : 0;
}

std::uint64_t pubsub_machine::on_update(const incarnation_id& from, interest_update u) {
  auto& p = peers_[from];  // perhaps before the members are known; set_members decides who stays
  // It held this node for gone, and has forgotten what it was told.
  if (p.in_flight == 0 && p.ever_told && u.have != p.told) p.told = u.have <= mine_.version() ? u.have : 0;
  if (u.from != 0 && u.from != p.known) return p.known;
  if (u.from == 0) p.interests.clear();
  for (auto& i : u.items) {
    if (i.listeners == 0)
      p.interests.erase(i.what);
    else
      p.interests.insert_or_assign(std::move(i.what), i.listeners);
  }
  p.known = u.to;
  p.heard = true;
  return p.known;
}

std::uint64_t pubsub_machine::audience_of(const peer& p, topic_kind kind, std::string_view channel) {
  std::uint64_t all = 0;
  if (const auto at = p.interests.find(topic_view{kind, channel}); at != p.interests.end()) all += at->second;
  if (kind != topic_kind::channel) return all;
  for (auto at = p.interests.lower_bound(topic_view{topic_kind::pattern, {}});
       at != p.interests.end() && at->first.kind == topic_kind::pattern; ++at) {
    if (glob_matches(at->first.name, channel)) all += at->second;
  }
  return all;
}

pubsub_machine::audience pubsub_machine::others(topic_kind kind, std::string_view channel) const {
  audience a;
  for (const auto& [id, p] : peers_) {
    if (!p.member) continue;
    const auto there = audience_of(p, kind, channel);
    a.listeners += there;
    if (there != 0 || !p.heard) a.nodes.push_back(id);
  }
  return a;
}

std::uint64_t pubsub_machine::listeners(const topic_view& t) const {
  auto all = mine_.listeners(t);
  for (const auto& [id, p] : peers_) {
    if (const auto at = p.interests.find(t); at != p.interests.end()) all += at->second;
  }
  return all;
}

void pubsub_machine::each(
    topic_kind kind, std::string_view prefix,
    function_ref<void(const incarnation_id& node, std::string_view name, std::uint64_t listeners)> show) const {
  mine_.each(kind, prefix, [&](std::string_view name, std::uint64_t count) { show({}, name, count); });
  for (const auto& [id, p] : peers_) {
    if (!p.member) continue;
    for (auto at = p.interests.lower_bound(topic_view{kind, prefix});
         at != p.interests.end() && at->first.kind == kind && at->first.name.starts_with(prefix); ++at)
      show(id, at->first.name, at->second);
  }
}

std::set<std::string> pubsub_machine::names(topic_kind kind) const {
  std::set<std::string> all;
  mine_.each(kind, [&](std::string_view name, std::uint64_t) { all.emplace(name); });
  for (const auto& [id, p] : peers_) {
    for (auto at = p.interests.lower_bound(topic_view{kind, {}}); at != p.interests.end() && at->first.kind == kind;
         ++at)
      all.insert(at->first.name);
  }
  return all;
}

}  // namespace troupe::pubsub
