// One incarnation of another node, as long as this node has something to do with it: what waits to
// be sent there, who waits for its answers, and the connection that carries both, if there is one.
//
// States: wanted -> up <-> dormant -> dead. A peer dies when its connection breaks or its dial fails:
// everything in flight fails at once and the object is never used again; the next send makes a new
// one. Dormant means that an idle connection was closed: the next send opens another.
// Thread-safe; callbacks run without locks.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "actors/cache/shard_lock.hpp"
#include "actors/link/link_carrier.hpp"
#include "actors/link/link_extension.hpp"
#include "actors/link/link_host.hpp"
#include "runtime/link/request_table.hpp"
#include "runtime/link/send_queue.hpp"

namespace troupe {

class link_peer : public std::enable_shared_from_this<link_peer> {
 public:
  /// The reply's bytes, borrowed for the call; or peer_lost, unavailable (not sent), outcome_unknown
  /// (no answer before the deadline), or what the receiver answered.
  using reply_callback = std::function<void(expected<std::string_view>)>;

  /// `number` is its own at this node.
  link_peer(link_host& host, link_target target, std::uint32_t number);

  /// Queues a frame. errc::unavailable when the queue is full or the peer cannot be reached,
  /// errc::peer_lost when it is dead, errc::too_large beyond message_max.
  [[nodiscard]] expected<void> send(frame_type type, std::string_view head, std::string_view body,
                                    bool reserved = false);

  /// Sends a request; `done` runs exactly once, on any thread, possibly before this returns.
  void request(std::uint16_t kind, std::string_view body, time_point now, time_point deadline, reply_callback done);

  /// Answers request `id` of the peer; an answer that does not fit becomes an error.
  void reply(std::uint64_t id, const expected<std::string_view>& answer);

  /// Where it was dialled, and the incarnation that was asked for.
  [[nodiscard]] const link_target& target() const noexcept { return target_; }
  /// Who it is; meaningful once it has been up, and constant from then on.
  [[nodiscard]] const peer_identity& identity() const noexcept { return identity_; }
  [[nodiscard]] bool alive() const;
  [[nodiscard]] bool up() const;
  /// Bytes waiting or being written.
  [[nodiscard]] std::uint64_t queued() const;
  [[nodiscard]] bool has_requests() const;
  [[nodiscard]] const std::shared_ptr<link_extension>& extension() const noexcept { return extension_; }
  /// Set by the table before anyone else knows the peer.
  void extend(std::shared_ptr<link_extension> e) { extension_ = std::move(e); }

  // Called by the connection, on its thread.
  [[nodiscard]] std::uint64_t take_batch(std::vector<std::string>& blocks);
  void on_written(std::uint64_t bytes, std::vector<std::string>& blocks);
  [[nodiscard]] expected<void> on_frame(frame_type type, std::string_view payload);
  /// So many frames came with one read.
  void on_batch_end(std::uint64_t frames) {
    spoke_alone_.store(frames == 1, std::memory_order_relaxed);
    if (extension_) extension_->on_batch_end(frames);
  }
  /// Nothing waits: the next frame tells the connection anew.
  [[nodiscard]] bool rest();
  /// The connection will carry no more: what waits, waits for the next one.
  void detach();

  // Called by the table, on its home thread.
  void set_up(const peer_identity& identity, const std::shared_ptr<link_outlet>& connection);
  /// Something waits to be sent or answered, so that a connection is needed.
  [[nodiscard]] bool needs_connection() const;
  void die(error why);
  void expire(time_point now);
  /// Hands everything over to `other`, which turned out to be the same node.
  void merge_into(const std::shared_ptr<link_peer>& other);

  const std::uint32_t number;

  // Fields of the table. The first is guarded by the table's lock, the rest belong to its home thread.
  incarnation_id known_id;  // empty: nobody knows yet who answers at target().address
  std::shared_ptr<link_connection> dialling;
  std::shared_ptr<link_connection> provisional;  // admitted, its ready has not come
  std::shared_ptr<link_connection> current;
  std::unique_ptr<boost::asio::steady_timer> pause;  // runs after a refusal as duplicate
  unsigned duplicates = 0;

 private:
  enum class state : std::uint8_t { wanted, up, dormant, merged, dead };

  using outlet_ptr = std::shared_ptr<link_outlet>;

  [[nodiscard]] expected<outlet_ptr> push(frame_type type, std::string_view head, std::string_view body, bool reserved);
  [[nodiscard]] outlet_ptr wake(std::uint64_t bytes);
  [[nodiscard]] expected<void> on_reply(std::string_view payload);
  [[nodiscard]] expected<void> on_request(std::string_view payload);

  link_host& host_;  // used only under mutex_ while not dead, or by the connection
  const link_target target_;
  peer_identity identity_;
  std::shared_ptr<link_extension> extension_;

  mutable shard_lock mutex_;
  state state_ = state::wanted;
  send_queue queue_;
  request_table<reply_callback> requests_;
  outlet_ptr connection_;
  std::shared_ptr<link_peer> successor_;  // when merged
  bool armed_ = false;                    // the connection knows that something waits
  bool wanted_ = false;                   // the table knows that a connection is needed
  std::uint64_t frames_ = 0;              // pushed since the last batch
  // One frame came, and none has gone since: the two ends take turns, so nothing is gained by waiting for a batch.
  std::atomic<bool> spoke_alone_{false};
  error why_;  // when dead
};

}  // namespace troupe
