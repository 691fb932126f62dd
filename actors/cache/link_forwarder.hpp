// The forwarder of a cluster: commands for one owner leave in batches, as requests on the cluster
// link. What arrives within one turn of an I/O loop goes together: the first command posts a flush to
// the loop of its own thread, later ones join the queue, and a full batch leaves at once.
//
//   what became of the batch                    read         write
//   never sent, connection refused              peer_lost    peer_lost
//   connection broke, or no answer in time      peer_lost    outcome_unknown
//   refused or not understood by the receiver   unavailable  unavailable
//   answered                                    the owner's reply, each
//
// It does NOT try again (parked_commands does) and bounds nothing per owner beyond waiting_bytes_max:
// batches under way are the link's to bound.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include <troupe/ids.hpp>

#include "actors/cache/forwarder.hpp"
#include "actors/io_pool.hpp"
#include "actors/link/link_table.hpp"
#include "actors/metrics.hpp"
#include "runtime/cache/command_batch.hpp"

namespace troupe {

class link_forwarder final : public forwarder {
 public:
  static constexpr std::uint64_t batch_bytes_max = 512 * 1024;  // a larger command travels alone
  static constexpr std::uint64_t waiting_bytes_max = 64 * mib;  // queued for one owner, not yet on the link
  static constexpr duration deadline_spread_max = std::chrono::milliseconds(50);  // within one batch
  static constexpr int flush_batches_max = 16;                                    // before the loop gets its turn

  /// Both are called from any thread.
  using resolver = std::function<std::optional<link_target>(std::uint64_t pid)>;
  using stamp_source = std::function<stamp()>;

  /// All outlive the forwarder, which outlives the I/O threads' last turn. Replies may arrive after it
  /// is gone, as long as `link` lives.
  link_forwarder(io_pool& io, link_table& link, resolver resolve, stamp_source table_stamp);
  /// Answers what was never sent.
  ~link_forwarder() override;

  void forward(std::uint64_t owner_pid, std::shared_ptr<const forwarded_command> command, reply_callback done) override;

  enum class failure : std::uint8_t { not_sent, peer_lost, no_answer, refused, malformed, not_owner };
  static constexpr std::array<const char*, 6> failure_names = {"not_sent", "peer_lost", "no_answer",
                                                               "refused",  "malformed", "not_owner"};
  struct counters {
    std::atomic<std::uint64_t> commands{0};
    std::atomic<std::uint64_t> batches{0};
    std::array<std::atomic<std::uint64_t>, failure_names.size()> failures{};  // commands
  };
  [[nodiscard]] const counters& numbers() const noexcept { return *numbers_; }
  /// troupe_cache_forwarded_total, troupe_cache_forward_batches_total, troupe_cache_forward_failures_total.
  void register_metrics(metrics& m) const;

 private:
  struct waiting {
    std::shared_ptr<const forwarded_command> command;
    reply_callback done;
  };
  struct owner_queue {
    std::mutex mutex;
    std::deque<waiting> commands;
    std::uint64_t bytes = 0;
    bool posted = false;    // a flush is on some loop
    bool flushing = false;  // a thread sends batches: it takes what joins meanwhile
  };
  struct batch;
  using queue_ptr = std::shared_ptr<owner_queue>;

  [[nodiscard]] queue_ptr queue_of(std::uint64_t pid);
  void post_flush(std::uint64_t pid, const queue_ptr& q);
  void flush(std::uint64_t pid, const queue_ptr& q);
  [[nodiscard]] std::shared_ptr<batch> take(owner_queue& q) const;
  void send(std::uint64_t pid, const std::shared_ptr<batch>& b);
  static void settle(batch& b, const expected<std::string_view>& answer);
  static void settle_failed(batch& b, const error& why, bool sent);

  io_pool& io_;
  link_table& link_;
  const resolver resolve_;
  const stamp_source table_stamp_;
  const std::shared_ptr<counters> numbers_ = std::make_shared<counters>();
  std::mutex mutex_;
  std::unordered_map<std::uint64_t, queue_ptr> queues_;  // by PID; a PID is never used again
};

}  // namespace troupe
