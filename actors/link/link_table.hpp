// The cluster link of one node: at most one TCP connection to each other node, opened when there is
// something to send, shared by cluster messages, cache requests and actors.
//
// Think of it as a post office: every function takes a letter and returns at once; a letter is
// refused only when it cannot be taken (queue full, peer unreachable a moment ago). What a function
// accepted may still be lost with its peer: requests learn that, cluster messages do not.
// Thread-safe. Handlers are set before start() and run on I/O threads: they must not block.
// Destroy it after close() is done or the I/O threads are stopped.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "actors/io_pool.hpp"
#include "actors/link/link_extension.hpp"
#include "actors/link/link_host.hpp"
#include "actors/link/link_listener.hpp"
#include "actors/link/link_peer.hpp"
#include "actors/link/link_responder.hpp"
#include "actors/log.hpp"

namespace troupe {

/// Who handles a request at the receiver. `probe` is answered by the link itself.
enum class link_request_kind : std::uint16_t {
  probe = 0,
  cache = 1,
  actor_names = 2,
  shards = 3,
  replicas = 4,
  pubsub = 5,
  entities = 6,
  near = 7,
  changes = 8,
  copies = 9,
  keyring = 16,
  registry = 20,
  topics = 24
};

struct link_request {
  const std::shared_ptr<link_peer>& peer;
  const peer_identity& from;
  std::string_view body;  // valid during the call
  time_point deadline;
};

class link_table final : public link_host, public std::enable_shared_from_this<link_table> {
 public:
  using cluster_handler = std::function<void(const peer_identity& from, std::string_view bytes)>;
  using request_handler = std::function<void(const link_request& request, link_responder responder)>;
  using reply_callback = link_peer::reply_callback;
  using lost_callback = std::function<void(const peer_identity& peer, const error& why)>;

  link_table(io_pool& io, event_log& log, link_settings settings);
  ~link_table() override;

  // In this order: bind (or not, for a node that only dials), handlers, start.

  /// errc::unavailable with the address when it cannot be bound.
  [[nodiscard]] expected<void> bind(const std::string& address);
  /// The bound address with its real port.
  [[nodiscard]] std::string address() const { return listener_->address(); }
  void set_cluster_handler(cluster_handler h) { cluster_handler_ = std::move(h); }
  void handle_requests(link_request_kind kind, request_handler h) { request_handlers_[kind] = std::move(h); }
  /// An established connection broke or was ended by its peer: a hint for membership.
  /// errc::deadline_exceeded: nothing was heard for too long; otherwise the peer's host has closed it.
  void on_peer_lost(lost_callback c) { lost_callbacks_.push_back(std::move(c)); }
  /// A dialled host answered that nothing listens there.
  void on_dial_refused(std::function<void(const link_target&)> c) { refused_callback_ = std::move(c); }
  void set_extension(link_extension_factory f) { extension_factory_ = std::move(f); }
  /// `self` is what others learn of this node: its name, incarnation and advertised address.
  void start(const peer_identity& self);

  /// Fire and forget. errc::unavailable: queue full, or the last dial of that address failed a moment ago.
  [[nodiscard]] expected<void> send_cluster(const link_target& to, std::string_view bytes);

  /// `done` runs exactly once, on any thread, possibly before this returns: see link_peer::reply_callback.
  void request(const link_target& to, link_request_kind kind, std::string_view body, time_point deadline,
               reply_callback done);

  /// Does the node answer over TCP?
  void probe(const link_target& to, time_point deadline, std::function<void(expected<void>)> done);

  /// The peer's state here, made when there is none. errc::unavailable as in send_cluster,
  /// errc::invalid_argument for this very node.
  [[nodiscard]] expected<std::shared_ptr<link_peer>> peer(const link_target& to);

  /// Membership judged that this incarnation has failed: as if its connection had broken.
  void forget(const incarnation_id& id, std::string words);

  /// Accepts and dials no more, writes what waits for at most a second, says goodbye to every peer
  /// and closes. `done` runs once, on an I/O thread.
  void close(std::function<void()> done);

  // Of link_settings::carrier, on the home thread.

  /// The peer of an incarnation that dialled this node, made when there is none.
  [[nodiscard]] std::shared_ptr<link_peer> peer_of(const peer_identity& who);
  /// `peer` proved to be `who`, and `out` carries its frames from now on. The peer that it is now: another one when
  /// that incarnation was known already.
  std::shared_ptr<link_peer> carry(const std::shared_ptr<link_peer>& peer, const peer_identity& who,
                                   const std::shared_ptr<link_outlet>& out);
  /// A dial came to nothing.
  void fail_dial(const std::shared_ptr<link_peer>& peer, const connection_end& end) { dial_ended(peer, end); }
  /// A connection broke; `silent`: its peer may live.
  void break_off(const std::shared_ptr<link_peer>& peer, const error& why, bool silent) { lose(peer, why, silent); }

  [[nodiscard]] const peer_identity& self() const noexcept { return self_; }
  [[nodiscard]] const link_counters& numbers() const noexcept { return counters_; }

  struct link_status {
    peer_identity peer;
    bool up = false;
    std::uint64_t queued = 0;  // bytes
  };
  [[nodiscard]] std::vector<link_status> status() const;

 private:
  // link_host
  [[nodiscard]] const link_settings& settings() const noexcept override { return settings_; }
  [[nodiscard]] handshake_settings handshake_words() const override;
  [[nodiscard]] link_counters& counters() noexcept override { return counters_; }
  [[nodiscard]] std::uint64_t next_request_id() noexcept override { return next_request_id_.fetch_add(1); }
  void want_connection(const peer_ptr& peer) override;
  void want_sweep() override;
  void on_request(const peer_ptr& peer, std::uint64_t id, std::uint16_t kind, time_point deadline,
                  std::string_view body) override;
  void on_cluster(const peer_identity& from, std::string_view bytes) override;
  void on_proven(const connection_ptr& c, const peer_identity& peer) override;
  void on_welcomed(const connection_ptr& c, const peer_identity& peer) override;
  void on_ready(const connection_ptr& c) override;
  void on_ended(const connection_ptr& c, connection_end end) override;

  struct backoff {
    time_point not_before{};
    duration pause{};
  };

  /// Runs work(*this) on the home thread, unless the table is gone by then.
  template <class Work>
  void at_home(Work work) {
    boost::asio::post(home_, [self = weak_from_this(), work = std::move(work)]() mutable {
      if (const auto alive = self.lock()) work(*alive);
    });
  }
  [[nodiscard]] std::vector<peer_ptr> peers() const;
  [[nodiscard]] peer_ptr find(const peer_identity& who) const;
  [[nodiscard]] peer_ptr make_peer(const link_target& to, bool list_address = true);
  void unlist(const peer_ptr& peer);
  [[nodiscard]] peer_ptr adopt(const peer_ptr& peer, const peer_identity& who);

  // On the home thread (link_handshakes.cpp).
  void accepted(boost::asio::ip::tcp::socket socket);
  void dial(const peer_ptr& peer);
  void decide_proven(const connection_ptr& c, const peer_identity& who);
  void decide_welcomed(const connection_ptr& c, const peer_identity& who);
  void decide_ready(const connection_ptr& c);
  void ended(const connection_ptr& c, const connection_end& end);
  void dial_ended(const peer_ptr& peer, const connection_end& end);
  void wait_for_inbound(const peer_ptr& peer);
  void log_refusal(const connection_end& end);
  void merge(const peer_ptr& peer, const peer_ptr& known);
  void activate(const peer_ptr& peer, const connection_ptr& c, const peer_identity& who, bool confirm);
  void take_place(const peer_ptr& peer, const peer_identity& who);
  void lose(const peer_ptr& peer, const error& why, bool silent = false);
  void back_off(const std::string& address);
  void sweep();
  void on_swept();
  void close_idle();
  void arm_idle_timer();

  io_pool& io_;
  boost::asio::io_context& home_;  // all decisions are made on its thread
  event_log& log_;
  const link_settings settings_;
  link_counters counters_;
  std::shared_ptr<link_listener> listener_;
  peer_identity self_;
  cluster_handler cluster_handler_;
  std::map<link_request_kind, request_handler> request_handlers_;
  std::vector<lost_callback> lost_callbacks_;
  std::function<void(const link_target&)> refused_callback_;
  link_extension_factory extension_factory_;
  std::atomic<std::uint64_t> next_request_id_{1};
  std::atomic<bool> sweep_armed_{false};

  mutable std::mutex mutex_;  // of the five below, and of link_peer::known_id
  std::unordered_map<incarnation_id, peer_ptr> by_id_;
  std::unordered_map<std::string, peer_ptr> by_address_;  // aliases too
  std::map<std::string, backoff> backoffs_;
  std::uint32_t peers_made_ = 0;
  bool closed_ = false;

  // Home thread only.
  boost::asio::steady_timer sweep_timer_;
  boost::asio::steady_timer idle_timer_;
  bool idle_armed_ = false;
  std::set<connection_ptr> connections_;
  std::list<connection_ptr> unauthenticated_;  // inbound, oldest first
  std::function<void()> on_closed_;
  time_point refusal_logged_{};
};

}  // namespace troupe
