// Replicated writes on the cluster link: those for one member leave together, as requests of kind `replicas`, and its
// answers go back into the shards' streams. What is written within one turn of an I/O loop goes in one batch.
//
// append() and ask() are called under a shard's lock: they only gather. A full queue refuses, and the stream sends
// again when answers make room; a request that fails is told to the streams whose writes it carried.
// Lock order: shard, then queue.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "actors/cache/shard_host.hpp"
#include "actors/io_pool.hpp"
#include "actors/link/link_table.hpp"
#include "actors/metrics.hpp"
#include "runtime/cache/catalogue.hpp"
#include "runtime/replication/stream_message.hpp"

namespace troupe {

class replica_link final : public replica_channel, public std::enable_shared_from_this<replica_link> {
 public:
  static constexpr std::uint64_t batch_bytes_max = 1 * mib;    // one write more at the most
  static constexpr std::uint64_t waiting_bytes_max = 8 * mib;  // gathered for one member
  static constexpr std::size_t under_way_max = 8;              // requests to one member
  static constexpr duration answer_max = std::chrono::seconds(2);

  /// From any thread.
  using resolver = std::function<std::optional<link_target>(std::uint64_t pid)>;

  /// All outlive this object, which is shared and outlives the I/O threads' last turn.
  replica_link(io_pool& io, link_table& link, shard_host& host, const cache_catalogue& caches, resolver resolve);

  /// Answers what other members send; before the link starts.
  void serve();

  bool append(std::uint64_t pid, const stream_position& at, std::span<const stream_entry> write) override;
  void ask(std::uint64_t pid, const stream_position& at) override;

  struct counters {
    std::atomic<std::uint64_t> sent{0};      // writes
    std::atomic<std::uint64_t> batches{0};   // that carried them
    std::atomic<std::uint64_t> failed{0};    // batches without an answer
    std::atomic<std::uint64_t> received{0};  // writes of other members
    std::atomic<std::uint64_t> malformed{0};
  };
  [[nodiscard]] const counters& numbers() const noexcept { return numbers_; }
  void register_metrics(metrics& m) const;

 private:
  struct queue {
    std::mutex mutex;
    std::deque<batch_writer> batches;  // the last one grows
    std::uint64_t bytes = 0;
    std::size_t under_way = 0;
    bool posted = false;
  };
  using queue_ptr = std::shared_ptr<queue>;

  [[nodiscard]] queue_ptr queue_of(std::uint64_t pid);
  template <class Add>
  bool gather(std::uint64_t pid, bool bounded, Add add);
  void post_flush(std::uint64_t pid, const queue_ptr& q);
  void flush(std::uint64_t pid, const queue_ptr& q);
  void send(std::uint64_t pid, const queue_ptr& q, batch_writer batch);
  void settle(std::uint64_t pid, const queue_ptr& q, const std::vector<std::uint32_t>& shards,
              const std::optional<std::string>& answer);
  void take_answers(std::uint64_t pid, std::string_view bytes);
  void take_batch(const link_request& request, link_responder responder);
  [[nodiscard]] std::vector<stream_entry> with_ids(const std::vector<named_entry>& entries) const;
  [[nodiscard]] std::string_view name_of(cache_id cache) const noexcept;

  io_pool& io_;
  link_table& link_;
  shard_host& host_;
  const cache_catalogue& caches_;
  const resolver resolve_;
  counters numbers_;
  std::mutex mutex_;
  std::unordered_map<std::uint64_t, queue_ptr> queues_;  // by PID; a PID is never used again
};

}  // namespace troupe
