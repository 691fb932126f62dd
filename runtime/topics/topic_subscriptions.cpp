#include "runtime/topics/topic_subscriptions.hpp"

#include <algorithm>

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

topic_subscriptions::given_before topic_subscriptions::give(topic_subscription_id id, const topic_stamp& s) {
  const auto at = rows_.find(id);
  if (at == rows_.end()) return given_before::this_or_later;
  const auto [last, fresh] = at->second.given.try_emplace(s.publisher, s.count);
  if (fresh) return given_before::nothing;
  if (last->second >= s.count) return given_before::this_or_later;
  last->second = s.count;
  return given_before::earlier;
}

bool topic_subscriptions::takes(topic_subscription_id id, const topic_stamp& s) {
  const auto at = rows_.find(id);
  if (at == rows_.end()) return false;
  auto& given = at->second.given;
  const auto ahead = given.find(s.publisher);
  if (ahead == given.end()) return true;
  if (s.count <= ahead->second) return false;
  given.erase(ahead);
  return true;
}

const topic_subscriptions::row* topic_subscriptions::find(topic_subscription_id id) const {
  const auto at = rows_.find(id);
  return at == rows_.end() ? nullptr : &at->second;
}

}  // namespace troupe
