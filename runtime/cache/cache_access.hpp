// The one way to the data, whoever asks (HTTP, RESP, an actor, an embedder) and wherever it lives.
//
// try_now answers at once when it can be done here without waiting: this node owns the shard and the
// cache is in memory. Everything else goes through submit, which forwards to the owner or waits for
// the database. Order: commands submitted by one thread for one key are done in that order; a
// try_now after a submit of the same key is NOT ordered behind it, so a door waits for its own
// submitted commands first.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "runtime/base/function_ref.hpp"
#include "runtime/cache/command.hpp"
#include "runtime/cache/eviction.hpp"
#include "runtime/cache/keyspace_event.hpp"

namespace troupe {

class cache_access {
 public:
  using visitor = function_ref<void(const cache_reply&)>;

  virtual ~cache_access() = default;

  /// The id of a declared cache; none when it is undeclared.
  [[nodiscard]] virtual std::optional<cache_id> find(std::string_view name) const noexcept = 0;

  /// Runs the command here and now and shows the reply to `visit` (under the shard's lock: copy and
  /// leave), or returns false without having done anything.
  [[nodiscard]] virtual bool try_now(const cache_command& command, time_point now, visitor visit) = 0;

  /// Does the command wherever it must be done. The reply is deadline_exceeded or unavailable when
  /// it was not done, outcome_unknown when it may have been.
  virtual void submit(const cache_command& command, time_point deadline, reply_callback done) = 0;

  /// How many shards the keys are spread over, and a key of each, for procedures on whole shards.
  [[nodiscard]] virtual std::uint32_t shards() const noexcept { return 1; }
  [[nodiscard]] virtual std::string_view key_in_shard(std::uint32_t) const noexcept { return {}; }
  [[nodiscard]] virtual std::uint32_t shard_of(std::string_view /*key*/) const noexcept { return 0; }

  /// A client waits for keys, or does not any more (procedures/waiting_words.hpp): told to whoever has them. Answered
  /// about `until` at the latest: ok, it is called; not_found, nothing came until then; anything else, nobody keeps its
  /// place: it is to look for itself, soon.
  virtual void wait(const cache_command&, time_point /*until*/, reply_callback done) {
    done(owned_reply::failed(errc::unavailable));
  }

  /// What happens to this node's keys of one cache is told to `listener` from now on; null: to nobody. Whoever was told
  /// before is told nothing more when this returns.
  virtual void listen(cache_id, keyspace_listener* /*listener*/) {}

  /// See cache::subscribe. errc::not_found for a cache that is not declared.
  [[nodiscard]] virtual expected<std::shared_ptr<change_queue>> subscribe(std::string_view /*cache*/,
                                                                          const change_options&) {
    return fail(errc::not_implemented, "no changes are told here");
  }

  /// Rises whenever the owner of some shard changes: a door that has submitted commands in flight
  /// and sees another value waits for them before it calls try_now.
  [[nodiscard]] virtual std::uint64_t topology_version() const noexcept = 0;

  /// Live keys and bytes held by this node's copy, for INFO and metrics.
  struct usage {
    std::uint64_t keys = 0;
    std::uint64_t expiring = 0;  // of keys: those that have a time to live
    std::uint64_t bytes = 0;
    std::uint64_t bytes_max = 0;
    std::uint64_t evicted = 0;
    std::uint64_t expired = 0;
    std::uint64_t waiting = 0;                        // clients of any node that wait for keys of this one
    eviction_policy eviction = eviction_policy::lru;  // when the memory is full
  };
  [[nodiscard]] virtual usage measure() const = 0;

  /// The log of this node's durable caches, for INFO.
  struct log_usage {
    bool enabled = false;  // some cache is durable
    bool rewriting = false;
    bool failing = false;  // writes are refused
    std::uint64_t bytes = 0;
    std::uint64_t base_bytes = 0;     // of what the latest rewriting began with
    std::uint64_t waiting_bytes = 0;  // gathered and not written
    std::uint64_t rewrites = 0;
  };
  [[nodiscard]] virtual log_usage measure_log() const { return {}; }

  /// Changes this node's limit (bytes, above 0), or what it evicts, from now on. False when it cannot.
  virtual bool set_memory_max(std::uint64_t) { return false; }
  virtual bool set_eviction(eviction_policy) { return false; }
};

}  // namespace troupe
