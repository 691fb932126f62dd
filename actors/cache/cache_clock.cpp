#include "actors/cache/cache_clock.hpp"

#include <algorithm>

#include <boost/asio/post.hpp>

namespace troupe {

expected<void> cache_clock::start() {
  if (auto ticking = alarm_.start([this] { turn(); }); !ticking) return ticking;
  shards_.on_restless([this] {
    boost::asio::post(loop_, [this] {
      streaming_ = true;
      turn();
    });
  });
  boost::asio::post(loop_, [this] { turn(); });
  return {};
}

void cache_clock::close() {
  shards_.on_restless(nullptr);
  alarm_.close();
}

void cache_clock::turn() {
  const time_point now = std::chrono::steady_clock::now();
  if (streaming_) streaming_ = shards_.tick_streams(now);
  if (now >= sweep_at_) sweep_at_ = now + (shards_.sweep(now).may_expire ? sweep_interval : idle_interval);
  alarm_.set(streaming_ ? std::min(sweep_at_, now + shard_host::stream_tick) : sweep_at_);
}

}  // namespace troupe
