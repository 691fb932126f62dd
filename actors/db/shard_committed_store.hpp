// The node's shard stores as the committed_store of its backed caches.
#pragma once

#include "actors/cache/shard_host.hpp"
#include "actors/db/committed_store.hpp"

namespace troupe {

class shard_committed_store final : public committed_store {
 public:
  /// `host` outlives this object.
  explicit shard_committed_store(shard_host& host) : host_(host) {}

  std::uint64_t next_version(cache_id cache, std::string_view key, std::uint64_t above) override {
    return host_.next_version(cache, key, above);
  }
  void apply_loaded(cache_id cache, std::string_view key, std::string_view value, std::uint64_t version, duration ttl,
                    time_point now) override {
    (void)host_.apply_loaded(cache, key, value, version, ttl, now);
  }
  void apply_committed(cache_id cache, std::string_view key, std::string_view value, std::uint64_t version,
                       duration ttl, time_point now) override {
    (void)host_.apply_committed(cache, key, value, version, ttl, now);
  }
  void apply_erased(cache_id cache, std::string_view key, std::uint64_t version) override {
    (void)host_.apply_erased(cache, key, version);
  }

 private:
  shard_host& host_;
};

}  // namespace troupe
