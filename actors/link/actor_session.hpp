// The actors of one peer as this node sees them, and the requests on their way to it: one session
// for each link_peer, for as long as that lives.
//
//   frame           out                                   in
//   actor_message   a proxy was sent something            to a local actor, or the answer of a request
//   actor_monitor   a proxy made from a name or by a       tell the peer when that actor ends
//                   third node
//   actor_down      an actor that the peer knows ended    its proxy dies
//   actor_link      a local actor linked to a proxy       the proxy of that actor links to ours
//
// Actor ids on the wire: an actor's own id; with the highest bit, the hash of a published name; with
// the second highest, one request that is relayed for an actor of a third node. When the peer is
// lost, every request in flight gets errc::peer_lost at once and every proxy dies.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <caf/actor_control_block.hpp>
#include <caf/execution_unit.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/node_id.hpp>

#include "actors/cache/shard_lock.hpp"
#include "actors/link/actor_codec.hpp"
#include "actors/link/dead_letters.hpp"
#include "actors/link/link_extension.hpp"
#include "actors/link/link_peer.hpp"

namespace troupe {

class actor_directory;

inline constexpr std::uint64_t published_bit = std::uint64_t{1} << 63;
inline constexpr std::uint64_t relay_bit = std::uint64_t{1} << 62;

/// The node id that proxies of this incarnation carry: never CAF's own, which is not set without caf_io.
[[nodiscard]] caf::node_id node_id_of(const incarnation_id& id);

class actor_session final : public link_extension,
                            public handle_codec,
                            public std::enable_shared_from_this<actor_session> {
 public:
  static constexpr std::size_t proxies_max = 1 << 20;
  static constexpr std::size_t requests_max = 1 << 20;

  actor_session(std::weak_ptr<actor_directory> directory, const std::shared_ptr<link_peer>& peer);

  /// The proxy of an actor there; null when the peer is lost, its id is not known or proxies_max exist.
  /// `monitor`: the peer does not know that we know this actor.
  [[nodiscard]] caf::strong_actor_ptr proxy_of(std::uint64_t id, bool monitor);

  // Of the proxies.
  void forward(std::uint64_t receiver, caf::mailbox_element& what);
  void tell_link(frame_type type, std::uint64_t there, caf::strong_actor_ptr here);

  // Of the directory.
  /// Makes the peer know a local actor; false when too many are known already.
  [[nodiscard]] bool announce(const caf::strong_actor_ptr& actor);
  void tell_down(std::uint64_t id, const caf::error& reason);
  [[nodiscard]] link_target target() const;

  // link_extension
  void on_up(const peer_identity& peer) override;
  [[nodiscard]] expected<void> on_frame(frame_type type, std::string_view payload) override;
  void on_batch_end(std::uint64_t frames) override;
  void on_lost(const error& why) override;
  [[nodiscard]] bool busy() const override;

  // handle_codec
  void write_handle(std::vector<char>& to, const caf::strong_actor_ptr& handle) override;
  [[nodiscard]] bool read_handle(std::string_view& from, caf::strong_actor_ptr& handle) override;

  [[nodiscard]] std::size_t proxies() const;
  [[nodiscard]] std::size_t requests() const;

 private:
  /// Actors that got a message run when all messages of one read are in their mailboxes: one wake for
  /// a batch, not one for each message. Whose message came alone runs on the connection's thread, without a wake.
  class delivery final : public caf::execution_unit {
   public:
    void exec_later(caf::resumable* job) override { jobs_.push_back(job); }
    /// `here`: one actor alone may run on this thread.
    void run(caf::actor_system& system, bool here);

   private:
    std::vector<caf::resumable*> jobs_;
  };

  struct request_key {
    std::uint64_t sender = 0;  // as written on the wire
    std::uint64_t request = 0;
    bool operator==(const request_key&) const = default;
  };
  struct request_hash {
    std::size_t operator()(const request_key& k) const noexcept {
      return static_cast<std::size_t>((k.sender * 0x9e3779b97f4a7c15ULL) ^ (k.request * 0xff51afd7ed558ccdULL));
    }
  };
  struct waiting {
    caf::strong_actor_ptr sender;
    caf::message_id id;
  };

  [[nodiscard]] expected<std::uint64_t> sender_code(const caf::mailbox_element& what);
  [[nodiscard]] expected<void> send_message(std::uint64_t receiver, std::uint64_t sender,
                                            const caf::mailbox_element& what);
  [[nodiscard]] expected<void> add_waiting(const request_key& key, const caf::mailbox_element& what);
  void note_dead(dead_letters::way way, const error& why) const;
  void answer_with_error(std::uint64_t receiver, caf::message_id id, const caf::error& e);
  [[nodiscard]] expected<void> on_message(std::string_view payload);
  [[nodiscard]] expected<void> on_answer(std::uint64_t receiver, caf::message_id id, std::string_view content);
  [[nodiscard]] expected<void> on_down(std::string_view payload);
  [[nodiscard]] expected<void> on_link(frame_type type, std::string_view payload);
  [[nodiscard]] caf::strong_actor_ptr make_proxy(std::uint64_t id);
  [[nodiscard]] expected<void> send(frame_type type, std::string_view head, std::string_view body,
                                    bool reserved = false);

  const std::weak_ptr<actor_directory> directory_;
  const std::weak_ptr<link_peer> peer_;
  const link_target target_;

  delivery delivery_;  // of the connection's thread

  mutable shard_lock mutex_;
  caf::node_id node_;  // of the peer, once its incarnation is known
  incarnation_id peer_id_;
  std::unordered_map<std::uint64_t, caf::strong_actor_ptr> proxies_;
  std::unordered_set<std::uint64_t> announced_;   // local actors that the peer knows
  std::atomic<std::uint64_t> last_announced_{0};  // one of them, so that a chatty actor takes no lock
  std::unordered_map<request_key, waiting, request_hash> waiting_;
  std::uint64_t next_relay_ = 1;
  bool lost_ = false;
  error why_;
};

}  // namespace troupe
