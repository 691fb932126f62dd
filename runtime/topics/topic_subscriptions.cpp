#include "runtime/topics/topic_subscriptions.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

expected<topic_subscription_id> topic_subscriptions::add(std::string_view topic, std::string_view group) {
  if (!is_topic(topic) || !(group.empty() || is_topic(group))) {
    return fail(errc::invalid_argument,
                "a topic, and a group, has 1 to " + std::to_string(topic_bytes_max) + " bytes, none of them zero");
  }
  if (rows_.size() >= topic_subscriptions_max)
    return fail(errc::unavailable, "this node has " + std::to_string(topic_subscriptions_max) + " subscriptions");
  const auto id = ++last_id_;
  rows_.emplace(id, row{std::string(topic), std::string(group)});
  topics_[std::string(topic)][std::string(group)].ids.insert(id);
  return id;
}

std::optional<topic_subscriptions::row> topic_subscriptions::remove(topic_subscription_id id) {
  auto over = rows_.extract(id);
  if (over.empty()) return std::nullopt;
  const auto topic = topics_.find(over.mapped().topic);
  const auto group = topic->second.find(over.mapped().group);
  group->second.ids.erase(id);
  if (group->second.ids.empty()) topic->second.erase(group);
  if (topic->second.empty()) topics_.erase(topic);
  return std::move(over.mapped());
}

void topic_subscriptions::each(std::string_view topic, function_ref<void(topic_subscription_id)> show) const {
  const auto at = topics_.find(topic);
  if (at == topics_.end()) return;
  const auto alone = at->second.find(std::string_view());
  if (alone == at->second.end()) return;
  for (const auto id : alone->second.ids) show(id);
}

void topic_subscriptions::each_of_all(function_ref<void(topic_subscription_id, const row&)> show) const {
  for (const auto& [id, r] : rows_) {
    if (r.group.empty()) show(id, r);
  }
}

std::optional<topic_subscription_id> topic_subscriptions::next(std::string_view topic, std::string_view group) {
  const auto at = topics_.find(topic);
  if (at == topics_.end()) return std::nullopt;
  const auto found = at->second.find(group);
  if (found == at->second.end()) return std::nullopt;
  auto& m = found->second;
  auto turn = m.ids.upper_bound(m.last);
  if (turn == m.ids.end()) turn = m.ids.begin();
  return m.last = *turn;
}

bool topic_subscriptions::give(topic_subscription_id id, const topic_stamp& s, bool retained) {
  const auto at = rows_.find(id);
  if (at == rows_.end()) return false;
  auto& last = at->second.given[s.publisher];
  if (s.count <= last) return false;
  last = s.count;
  if (retained) at->second.retained = std::max(at->second.retained, s);
  return true;
}

topic_subscriptions::standing topic_subscriptions::give_retained(topic_subscription_id id, const topic_stamp& s) {
  const auto at = rows_.find(id);
  if (at == rows_.end() || s <= at->second.retained) return standing::known;
  at->second.retained = s;
  auto& last = at->second.given[s.publisher];
  if (last >= s.count) return last == s.count ? standing::known : standing::late;
  return std::exchange(last, s.count) == 0 ? standing::first : standing::next;
}

void topic_subscriptions::remember_only(const std::set<incarnation_id>& publishers) {
  for (auto& [id, r] : rows_) std::erase_if(r.given, [&](const auto& g) { return !publishers.contains(g.first); });
}

const topic_subscriptions::row* topic_subscriptions::find(topic_subscription_id id) const {
  const auto at = rows_.find(id);
  return at == rows_.end() ? nullptr : &at->second;
}

}  // namespace troupe
