#include "actors/cache/cache_drop.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace troupe {

namespace {

class shard_answers {
 public:
  shard_answers(std::uint32_t shards, std::function<void(expected<void>)> done)
      : left_(shards), shards_(shards), done_(std::move(done)) {}

  void on_answer(const owned_reply& reply) {
    {
      const std::lock_guard lock(mutex_);
      // Whatever is worst is told: what may have been done is worse than what was not.
      if (reply.code != errc::ok) {
        ++failed_;
        if (worst_.code != errc::outcome_unknown) worst_ = {reply.code, reply.context};
      }
      if (--left_ > 0) return;
    }
    if (failed_ == 0) return done_({});
    if (failed_ < shards_) {
      worst_.context = std::to_string(shards_ - failed_) + " of " + std::to_string(shards_) +
                       " shards have dropped the cache: call again; " + worst_.context;
    }
    done_(tl::unexpected<error>(worst_));
  }

 private:
  std::mutex mutex_;
  std::uint32_t left_;
  const std::uint32_t shards_;
  std::uint32_t failed_ = 0;
  error worst_{};
  const std::function<void(expected<void>)> done_;
};

}  // namespace

void drop_cache(cache_access& caches, cache_id cache, time_point deadline, std::function<void(expected<void>)> done) {
  const auto answers = std::make_shared<shard_answers>(caches.shards(), std::move(done));
  for (std::uint32_t shard = 0; shard < caches.shards(); ++shard) {
    cache_command c;
    c.op = cache_op::run;
    c.procedure = procedure::shard_drop;
    c.cache = cache;
    c.key = caches.key_in_shard(shard);
    caches.submit(c, deadline, [answers](const owned_reply& reply) { answers->on_answer(reply); });
  }
}

}  // namespace troupe
