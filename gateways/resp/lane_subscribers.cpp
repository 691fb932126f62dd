#include "gateways/resp/lane_subscribers.hpp"

#include <algorithm>

#include "gateways/resp/connection.hpp"
#include "runtime/base/glob.hpp"

namespace troupe::resp {

using pubsub::topic;
using pubsub::topic_kind;
using pubsub::topic_view;

void lane_subscribers::add(const topic_view& t, connection& c) {
  auto at = topics_.find(t);
  if (at == topics_.end()) at = topics_.emplace(topic{t.kind, std::string(t.name)}, std::vector<connection*>{}).first;
  at->second.push_back(&c);
  count_.fetch_add(1, std::memory_order_relaxed);
}

void lane_subscribers::remove(const topic_view& t, connection& c) {
  const auto at = topics_.find(t);
  if (at == topics_.end()) return;
  const auto gone = std::erase(at->second, &c);
  count_.fetch_sub(gone, std::memory_order_relaxed);
  if (at->second.empty()) topics_.erase(at);
}

std::size_t lane_subscribers::deliver(topic_kind kind, std::string_view channel, std::string_view payload) {
  std::size_t given = 0;
  if (const auto at = topics_.find(topic_view{kind, channel}); at != topics_.end()) {
    const std::string_view word = kind == topic_kind::shard_channel ? "smessage" : "message";
    for (auto* c : at->second) {
      c->push([&](reply_writer& w) { w.push(3), w.bulk(word), w.bulk(channel), w.bulk(payload); });
    }
    given += at->second.size();
  }
  if (kind != topic_kind::channel) return given;
  for (auto at = topics_.lower_bound(topic_view{topic_kind::pattern, {}});
       at != topics_.end() && at->first.kind == topic_kind::pattern; ++at) {
    if (!glob_matches(at->first.name, channel)) continue;
    for (auto* c : at->second) {
      c->push([&](reply_writer& w) {
        w.push(4), w.bulk("pmessage"), w.bulk(at->first.name), w.bulk(channel), w.bulk(payload);
      });
    }
    given += at->second.size();
  }
  return given;
}

}  // namespace troupe::resp
