#include "actors/link/actor_session.hpp"

#include <boost/asio/post.hpp>
#include <caf/actor_cast.hpp>
#include <caf/actor_config.hpp>
#include <caf/make_actor.hpp>
#include <caf/make_message.hpp>
#include <caf/monitorable_actor.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include "actors/actor_turn.hpp"
#include "actors/clock.hpp"
#include "actors/io_loop.hpp"
#include "actors/link/actor_directory.hpp"
#include "actors/link/remote_actor_proxy.hpp"
#include "actors/messages/error.hpp"
#include "runtime/link/wire_bytes.hpp"

namespace troupe {

namespace {

constexpr std::size_t buffer_kept_max = 1 << 20;

std::string head_of(std::uint64_t a, std::uint64_t b) {
  std::string head;
  append_le(head, a);
  append_le(head, b);
  return head;
}

void answer_locally(const caf::strong_actor_ptr& sender, caf::message_id id, const error& e) {
  if (sender && id.is_request()) sender->enqueue(nullptr, id.response_id(), caf::make_message(to_caf(e)), nullptr);
}

void run_here(caf::resumable* job, caf::actor_system& system) {
  if (take_turn(job, system)) system.scheduler().enqueue(job);
}

}  // namespace

caf::node_id node_id_of(const incarnation_id& id) {
  caf::node_id::default_data::host_id_type host{};
  write_le(reinterpret_cast<char*>(host.data()), id.high);
  write_le(reinterpret_cast<char*>(host.data()) + 8, id.low);
  return caf::make_node_id(1, host);
}

actor_session::actor_session(std::weak_ptr<actor_directory> directory, const std::shared_ptr<link_peer>& peer)
    : directory_(std::move(directory)), peer_(peer), target_(peer->target()), peer_id_(target_.id) {
  if (!peer_id_.empty()) node_ = node_id_of(peer_id_);
}

link_target actor_session::target() const {
  const std::lock_guard lock(mutex_);
  return {target_.address, peer_id_};
}

expected<void> actor_session::send(frame_type type, std::string_view head, std::string_view body, bool reserved) {
  const auto peer = peer_.lock();
  if (!peer) return fail(errc::peer_lost, "the link to the node is gone");
  return peer->send(type, head, body, reserved);
}

// ---- proxies ----

// Under the lock.
caf::strong_actor_ptr actor_session::make_proxy(std::uint64_t id) {
  const auto directory = directory_.lock();
  if (!directory || lost_ || !node_) return nullptr;
  caf::actor_config cfg;
  return caf::make_actor<remote_actor_proxy, caf::strong_actor_ptr>(id, node_, &directory->system(), cfg,
                                                                    shared_from_this());
}

caf::strong_actor_ptr actor_session::proxy_of(std::uint64_t id, bool monitor) {
  caf::strong_actor_ptr proxy;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = proxies_.find(id); found != proxies_.end()) return found->second;
    if (proxies_.size() >= proxies_max) return nullptr;
    proxy = make_proxy(id);
    if (!proxy) return nullptr;
    proxies_.emplace(id, proxy);
  }
  if (monitor) {
    std::string head;
    append_le(head, id);
    (void)send(frame_type::actor_monitor, head, {}, true);
  }
  return proxy;
}

// ---- sending ----

expected<std::uint64_t> actor_session::sender_code(const caf::mailbox_element& what) {
  if (!what.sender || what.mid.is_response()) return 0;  // nobody looks who answers
  if (!what.sender->nid) {
    if (announce(what.sender)) return what.sender->aid;
    return fail(errc::unavailable, "the peer knows too many actors of this node");
  }
  // An actor of a third node asked, and its request was delegated: its answer comes through here.
  if (!what.mid.is_request()) return 0;
  const std::lock_guard lock(mutex_);
  return relay_bit | next_relay_++;
}

expected<void> actor_session::add_waiting(const request_key& key, const caf::mailbox_element& what) {
  const std::lock_guard lock(mutex_);
  if (lost_) return tl::unexpected<error>(why_);
  if (waiting_.size() >= requests_max) return fail(errc::unavailable, "too many requests wait for the peer");
  waiting_.emplace(key, waiting{what.sender, what.mid});
  return {};
}

expected<void> actor_session::send_message(std::uint64_t receiver, std::uint64_t sender,
                                           const caf::mailbox_element& what) {
  const auto directory = directory_.lock();
  if (!directory) return fail(errc::unavailable, "the node stops");
  thread_local std::vector<char> content;
  content.clear();
  if (auto written = write_content(content, directory->system(), what.content(), *this); !written) return written;
  char head[24];
  write_le(head, receiver);
  write_le(head + 8, sender);
  write_le(head + 16, what.mid.integer_value());
  auto sent = send(frame_type::actor_message, {head, sizeof(head)}, {content.data(), content.size()});
  if (content.capacity() > buffer_kept_max) std::vector<char>().swap(content);
  return sent;
}

void actor_session::forward(std::uint64_t receiver, caf::mailbox_element& what) {
  request_key key;
  bool entered = false;
  expected<void> done;
  if (!what.stages.empty() || what.mid.is_stream_message()) {
    done = fail(errc::not_implemented, "composed actors and streams do not cross nodes");
  } else if (const auto sender = sender_code(what); !sender) {
    done = tl::unexpected<error>(sender.error());
  } else {
    key = {*sender, what.mid.request_id().integer_value()};
    if (what.mid.is_request()) {
      done = add_waiting(key, what);
      entered = done.has_value();
    }
    if (done) done = send_message(receiver, *sender, what);
  }
  if (done) return;
  note_dead(dead_letters::way::out, done.error());
  if (what.mid.is_response()) return answer_with_error(receiver, what.mid, to_caf(done.error()));
  if (entered) {
    const std::lock_guard lock(mutex_);
    if (waiting_.erase(key) == 0) return;  // the loss of the peer has answered it
  }
  answer_locally(what.sender, what.mid, done.error());
}

void actor_session::note_dead(dead_letters::way way, const error& why) const {
  if (const auto directory = directory_.lock()) directory->letters()->note(way, why, clock_now());
}

void actor_session::answer_with_error(std::uint64_t receiver, caf::message_id id, const caf::error& e) {
  const auto directory = directory_.lock();
  if (!directory) return;
  std::vector<char> content;
  (void)write_content(content, directory->system(), caf::make_message(e), *this);
  auto head = head_of(receiver, 0);
  append_le(head, id.integer_value());
  (void)send(frame_type::actor_message, head, {content.data(), content.size()}, true);
}

void actor_session::tell_link(frame_type type, std::uint64_t there, caf::strong_actor_ptr here) {
  const auto directory = directory_.lock();
  if (!directory || here->nid) return;
  boost::asio::post(directory->io(), [self = shared_from_this(), type, there, here = std::move(here)] {
    if (self->announce(here)) (void)self->send(type, head_of(there, here->aid), {}, true);
  });
}

bool actor_session::announce(const caf::strong_actor_ptr& actor) {
  if (last_announced_.load(std::memory_order_acquire) == actor->aid) return true;
  const std::lock_guard lock(mutex_);
  if (lost_) return true;  // the send that follows fails
  if (announced_.contains(actor->aid)) {
    last_announced_.store(actor->aid, std::memory_order_release);
    return true;
  }
  const auto directory = directory_.lock();
  if (!directory || !directory->add_export(actor->aid, actor, shared_from_this())) return false;
  announced_.insert(actor->aid);
  return true;
}

void actor_session::tell_down(std::uint64_t id, const caf::error& reason) {
  {
    const std::lock_guard lock(mutex_);
    announced_.erase(id);
    if (last_announced_ == id) last_announced_ = 0;
    if (lost_) return;
  }
  std::string head;
  append_le(head, id);
  std::vector<char> body;
  write_error(body, reason);
  (void)send(frame_type::actor_down, head, {body.data(), body.size()}, true);
}

// ---- receiving ----

void actor_session::on_up(const peer_identity& peer) {
  const std::lock_guard lock(mutex_);
  peer_id_ = peer.id;
  node_ = node_id_of(peer.id);
}

expected<void> actor_session::on_frame(frame_type type, std::string_view payload) {
  switch (type) {
    case frame_type::actor_message: return on_message(payload);
    case frame_type::actor_down: return on_down(payload);
    case frame_type::actor_link:
    case frame_type::actor_unlink: return on_link(type, payload);
    default: break;
  }
  wire_reader in(payload);
  const auto id = in.take<std::uint64_t>();
  if (!in.good()) return fail(errc::corrupt, "actor frame cut short");
  const auto directory = directory_.lock();
  if (!directory) return {};
  if (directory->watch(id, shared_from_this())) {
    const std::lock_guard lock(mutex_);
    announced_.insert(id);
  } else {
    tell_down(id, to_caf({errc::not_found, "there is no such actor"}));
  }
  return {};
}

expected<void> actor_session::on_message(std::string_view payload) {
  wire_reader in(payload);
  const auto receiver = in.take<std::uint64_t>();
  const auto sender = in.take<std::uint64_t>();
  const caf::message_id id(in.take<std::uint64_t>());
  if (!in.good() || id.is_stream_message()) return fail(errc::corrupt, "actor message cut short");
  if (id.is_response()) return on_answer(receiver, id, in.rest());
  const auto directory = directory_.lock();
  if (!directory) return {};
  auto content = read_content(in.rest(), directory->system(), *this);
  if (!content && content.error().code == errc::corrupt) return tl::unexpected<error>(content.error());
  const auto actor = directory->local(receiver);
  if (!content || !actor) {
    const auto why = content ? error{errc::not_found, "the actor has ended"} : content.error();
    note_dead(dead_letters::way::in, why);
    if (id.is_request()) answer_with_error(sender, id.response_id(), to_caf(why));
    return {};
  }
  caf::strong_actor_ptr from;
  if ((sender & relay_bit) != 0 && (sender & published_bit) == 0) {
    const std::lock_guard lock(mutex_);
    from = make_proxy(sender);
  } else if (sender != 0) {
    from = proxy_of(sender, false);
  }
  if (sender != 0 && !from) return fail(errc::too_large, "the peer shows too many actors");
  actor->enqueue(std::move(from), id, std::move(*content), &delivery_);
  return {};
}

expected<void> actor_session::on_answer(std::uint64_t receiver, caf::message_id id, std::string_view bytes) {
  waiting who;
  {
    const std::lock_guard lock(mutex_);
    const auto found = waiting_.find({receiver, id.request_id().integer_value()});
    if (found != waiting_.end()) {
      who = std::move(found->second);
      waiting_.erase(found);
    }
  }
  if (!who.sender) {  // answered before, or nobody asked
    note_dead(dead_letters::way::in, {errc::not_found, "an answer that nobody waits for"});
    return {};
  }
  const auto directory = directory_.lock();
  auto content = directory ? read_content(bytes, directory->system(), *this)
                           : expected<caf::message>(fail(errc::unavailable, "the node stops"));
  if (!content) {
    note_dead(dead_letters::way::in, content.error());
    answer_locally(who.sender, who.id, content.error());
    if (content.error().code == errc::corrupt) return tl::unexpected<error>(content.error());
    return {};
  }
  who.sender->enqueue(nullptr, who.id.response_id(), std::move(*content), &delivery_);
  return {};
}

expected<void> actor_session::on_down(std::string_view payload) {
  wire_reader in(payload);
  const auto id = in.take<std::uint64_t>();
  auto rest = in.rest();
  caf::error reason;
  if (!in.good() || !read_error(rest, reason) || !rest.empty())
    return fail(errc::corrupt, "down message that cannot be read");
  caf::strong_actor_ptr proxy;
  {
    const std::lock_guard lock(mutex_);
    const auto found = proxies_.find(id);
    if (found == proxies_.end()) return {};
    proxy = std::move(found->second);
    proxies_.erase(found);
  }
  static_cast<caf::actor_proxy*>(proxy->get())->kill_proxy(nullptr, std::move(reason));
  return {};
}

expected<void> actor_session::on_link(frame_type type, std::string_view payload) {
  wire_reader in(payload);
  const auto here = in.take<std::uint64_t>();
  const auto there = in.take<std::uint64_t>();
  if (!in.good()) return fail(errc::corrupt, "actor frame cut short");
  const auto directory = directory_.lock();
  const auto actor = directory ? directory->local(here) : nullptr;
  const auto proxy = proxy_of(there, false);
  if (!proxy) return {};
  if (type == frame_type::actor_unlink) {
    if (actor) proxy->get()->remove_link(actor->get());
  } else if (actor) {
    proxy->get()->add_link(actor->get());
  } else {
    tell_down(here, to_caf({errc::not_found, "there is no such actor"}));
  }
  return {};
}

void actor_session::on_batch_end(std::uint64_t frames) {
  if (const auto directory = directory_.lock())
    delivery_.run(directory->system(), frames == 1 && directory->run_on_arrival());
}

void actor_session::delivery::run(caf::actor_system& system, bool here) {
  auto* loop = here && jobs_.size() == 1 ? io_loop::here() : nullptr;
  if (loop != nullptr && loop->leave_work([job = jobs_.front(), &system] { run_here(job, system); }))
    return jobs_.clear();
  for (auto* job : jobs_) system.scheduler().enqueue(job);
  jobs_.clear();
}

void actor_session::on_lost(const error& why) {
  decltype(proxies_) proxies;
  decltype(waiting_) unanswered;
  std::vector<std::uint64_t> announced;
  {
    const std::lock_guard lock(mutex_);
    if (lost_) return;
    lost_ = true;
    why_ = why;
    proxies.swap(proxies_);
    unanswered.swap(waiting_);
    announced.assign(announced_.begin(), announced_.end());
    announced_.clear();
  }
  for (const auto& [key, who] : unanswered) answer_locally(who.sender, who.id, why);
  for (const auto& [id, proxy] : proxies)
    static_cast<caf::actor_proxy*>(proxy->get())->kill_proxy(nullptr, to_caf(why));
  if (const auto directory = directory_.lock()) directory->unwatch(*this, announced);
}

bool actor_session::busy() const {
  const std::lock_guard lock(mutex_);
  return !proxies_.empty() || !waiting_.empty() || !announced_.empty();
}

std::size_t actor_session::proxies() const {
  const std::lock_guard lock(mutex_);
  return proxies_.size();
}

std::size_t actor_session::requests() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

}  // namespace troupe
