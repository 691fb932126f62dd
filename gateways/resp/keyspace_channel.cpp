#include "gateways/resp/keyspace_channel.hpp"

#include <utility>

#include <boost/asio/post.hpp>

#include "gateways/resp/notify_flags.hpp"

namespace troupe::resp {

using pubsub::channel_message;
using pubsub::topic_kind;

keyspace_channel::keyspace_channel(io_pool& io, cache_access& caches, cache_id cache, pubsub_access& channels,
                                   delivery deliver)
    : io_(io), caches_(caches), cache_(cache), channels_(channels), deliver_(std::move(deliver)) {}

void keyspace_channel::set(std::uint32_t flags) {
  constexpr auto ways = notify_bit('K') | notify_bit('E');
  const std::lock_guard one(setting_);
  if (ended_) return;
  by_key_ = (flags & notify_bit('K')) != 0;
  by_event_ = (flags & notify_bit('E')) != 0;
  kinds_ = (flags & ways) != 0 ? flags & ~ways : 0;
  caches_.listen(cache_, kinds_ != 0 ? this : nullptr);
}

void keyspace_channel::close() {
  {
    const std::lock_guard one(setting_);
    ended_ = true;
    caches_.listen(cache_, nullptr);
  }
  const std::lock_guard lock(mutex_);
  closed_ = true;
  waiting_.clear();
}

void keyspace_channel::on_event(std::uint32_t, std::string_view name, std::string_view key) {
  const auto size = sizeof(event) + key.size();
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || bytes_ + size > waiting_bytes_max) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    bytes_ += size;
    waiting_.push_back({name, std::string(key)});
    if (waiting_.size() != 1) return;
  }
  // One thread publishes all of them, so that they keep their order.
  boost::asio::post(io_.context(0), [self = shared_from_this()] { self->publish(); });
}

void keyspace_channel::publish() {
  std::vector<event> events;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    events.swap(waiting_);
    bytes_ = 0;
  }
  auto here = std::make_shared<std::vector<channel_message>>();
  const auto say = [&](std::string channel, std::string_view payload) {
    if (channel.size() > pubsub::topic_name_bytes_max) return;
    if (channels_.publish(topic_kind::channel, channel, payload).here == 0) return;
    here->push_back({topic_kind::channel, std::move(channel), std::string(payload)});
  };
  const bool by_key = by_key_;
  const bool by_event = by_event_;
  for (const auto& e : events) {
    if (by_key) say("__keyspace@0__:" + e.key, e.name);
    if (by_event) say("__keyevent@0__:" + std::string(e.name), e.key);
  }
  if (!here->empty()) deliver_(std::move(here));
}

}  // namespace troupe::resp
