// Which connection stays: the decisions of link_table, all made on its home thread.
//
// Two nodes that dial each other at once must end with one connection, and nothing that was queued
// may be lost. The rules: the dial of the lower incarnation id wins; the acceptor applies them when
// the dialler has proven itself, before it says welcome; the dialler commits the connection by
// `ready`, and until then the acceptor sends nothing on it. A node that has admitted a connection
// does not dial, and a node whose dial lost to a connection hangs up before it is ready. What is
// queued stays with the peer until a connection is established.
#include <algorithm>

#include "actors/clock.hpp"
#include "actors/link/link_carrier.hpp"
#include "actors/link/link_connection.hpp"
#include "actors/link/link_table.hpp"

namespace troupe {

namespace asio = boost::asio;

namespace {

constexpr auto inbound_wait = std::chrono::milliseconds(200);  // after our dial lost to the peer's
constexpr auto refusal_log_interval = std::chrono::seconds(1);
constexpr unsigned duplicates_max = 20;
constexpr std::size_t backoffs_max = 1024;

time_point now() { return clock_now(); }

}  // namespace

void link_table::on_proven(const connection_ptr& c, const peer_identity& peer) {
  at_home([c, peer](link_table& table) { table.decide_proven(c, peer); });
}

void link_table::on_welcomed(const connection_ptr& c, const peer_identity& peer) {
  at_home([c, peer](link_table& table) { table.decide_welcomed(c, peer); });
}

void link_table::on_ready(const connection_ptr& c) {
  at_home([c](link_table& table) { table.decide_ready(c); });
}

void link_table::on_ended(const connection_ptr& c, connection_end end) {
  at_home([c, end = std::move(end)](link_table& table) { table.ended(c, end); });
}

void link_table::accepted(asio::ip::tcp::socket socket) {
  if (closed_ || connections_.size() >= settings_.connections_max) return link_counters::add(counters_.evicted);
  const auto c = std::make_shared<link_connection>(std::move(socket), *this);
  connections_.insert(c);
  unauthenticated_.push_back(c);
  if (unauthenticated_.size() > settings_.unauthenticated_max) {
    link_counters::add(counters_.evicted);
    unauthenticated_.front()->abort({errc::unavailable, "gave way to newer connections"});
    unauthenticated_.pop_front();
  }
  c->accept();
}

void link_table::dial(const peer_ptr& peer) {
  if (!peer->alive() || peer->current || peer->provisional || peer->dialling || peer->pause) return;
  incarnation_id wanted;
  {
    const std::lock_guard lock(mutex_);
    wanted = peer->known_id;
  }
  const auto& address = peer->target().address.empty() ? peer->identity().address : peer->target().address;
  if (closed_) return lose(peer, {errc::unavailable, "the node stops"});
  if (address.empty()) return lose(peer, {errc::unavailable, "the peer's address is not known"});
  if (settings_.carrier) return settings_.carrier->dial(peer, address, wanted);
  const auto c = std::make_shared<link_connection>(asio::ip::tcp::socket(io_.next()), *this);
  c->owner = peer;
  connections_.insert(c);
  peer->dialling = c;
  c->dial(address, wanted);
}

// A dialler has proven who it is.
void link_table::decide_proven(const connection_ptr& c, const peer_identity& who) {
  if (!connections_.contains(c)) return;
  c->who = who;
  std::erase(unauthenticated_, c);
  if (closed_) return c->refuse(link_refusal::not_admitted, self_.name + " is stopping");
  if (settings_.admit) {
    if (auto words = settings_.admit(who)) return c->refuse(link_refusal::not_admitted, std::move(*words));
  }
  auto peer = find(who);
  if (!peer) {
    const std::lock_guard lock(mutex_);
    // Listed by its id alone: the address stays with an older incarnation until this one is ready.
    peer = make_peer({who.address, who.id}, false);
  }
  if (peer->provisional) return c->refuse(link_refusal::duplicate, "another connection is being admitted");
  if (peer->dialling) {
    if (self_.id < who.id) return c->refuse(link_refusal::duplicate, "both dial, and this node's dial goes first");
    std::exchange(peer->dialling, nullptr)->abort({errc::unavailable, "gave way to the peer's dial"});
  }
  peer->provisional = c;
  c->owner = peer;
  c->admit();
}

// Our dial was admitted.
void link_table::decide_welcomed(const connection_ptr& c, const peer_identity& who) {
  const auto peer = c->owner;
  if (!peer || peer->dialling != c || closed_) return c->abort({errc::unavailable, "no longer wanted"});
  peer->dialling = nullptr;
  const auto known = find(who);
  if (known && known != peer) {
    merge(peer, known);
    if (known->current || known->provisional || known->dialling)
      return c->abort({errc::unavailable, "already connected to " + who.name});
    return activate(known, c, who, true);
  }
  if (!peer->known_id.empty() && peer->known_id != who.id) {
    c->abort({errc::unavailable, "another incarnation was meant"});
    return lose(peer, {errc::unavailable, "another incarnation of " + who.name + " answers there"});
  }
  activate(peer, c, who, true);
}

// The dialler of a connection that we admitted uses it.
void link_table::decide_ready(const connection_ptr& c) {
  auto peer = c->owner;
  if (!peer || peer->provisional != c || closed_) return c->abort({errc::unavailable, "no longer wanted"});
  peer->provisional = nullptr;
  if (peer->current) {
    // The peer would not have dialled if it had not given the other connection up.
    lose(peer, {errc::peer_lost, "the peer gave the connection up and made another"});
    const std::lock_guard lock(mutex_);
    peer = make_peer({c->who.address, c->who.id});
    c->owner = peer;
  }
  activate(peer, c, c->who, false);
}

// It is known by who it is; an older incarnation there is lost.
void link_table::take_place(const peer_ptr& peer, const peer_identity& who) {
  const auto older = adopt(peer, who);
  if (older && (older->current || older->up()) && older->identity().id != who.id)
    lose(older, {errc::peer_lost, "a new incarnation of " + who.name + " took its place"});
  const std::lock_guard lock(mutex_);
  backoffs_.erase(who.address);
  backoffs_.erase(peer->target().address);
}

std::shared_ptr<link_peer> link_table::peer_of(const peer_identity& who) {
  if (auto known = find(who)) return known;
  const std::lock_guard lock(mutex_);
  return make_peer({who.address, who.id}, false);
}

std::shared_ptr<link_peer> link_table::carry(const peer_ptr& peer, const peer_identity& who,
                                             const std::shared_ptr<link_outlet>& out) {
  auto its = find(who);
  if (its && its != peer) merge(peer, its);
  if (!its) its = peer;
  if (its->up()) return its;
  take_place(its, who);
  its->set_up(who, out);
  out->flush();
  return its;
}

void link_table::activate(const peer_ptr& peer, const connection_ptr& c, const peer_identity& who, bool confirm) {
  take_place(peer, who);
  peer->duplicates = 0;
  if (peer->pause) peer->pause->cancel();
  peer->pause.reset();
  peer->current = c;
  c->owner = peer;
  link_counters::add(counters_.connections);
  link_counters::add(counters_.connections_opened);
  log_.debug("link", "peer_connected",
             {{"peer", who.name}, {"address", who.address}, {"dialled", confirm ? "us" : "peer"}});
  peer->set_up(who, c);
  c->attach(peer, confirm);
  arm_idle_timer();
}

void link_table::ended(const connection_ptr& c, const connection_end& end) {
  connections_.erase(c);
  std::erase(unauthenticated_, c);
  if (end.refusal != link_refusal::none) {
    const auto reason = static_cast<std::size_t>(end.refusal);
    link_counters::add(end.refused_by_peer ? counters_.refused_by_peer[reason] : counters_.refused[reason]);
    log_refusal(end);
  }
  const auto peer = std::exchange(c->owner, nullptr);
  if (peer) {
    if (peer->provisional == c) {
      peer->provisional = nullptr;
      if (peer->needs_connection())
        dial(peer);
      else if (!peer->current && !peer->dialling && peer->identity().id.empty())
        unlist(peer);  // it was made for this connection
    } else if (peer->dialling == c) {
      peer->dialling = nullptr;
      dial_ended(peer, end);
    } else if (peer->current == c) {
      peer->current = nullptr;
      counters_.connections.fetch_sub(1, std::memory_order_relaxed);
      if (!end.idle) {
        lose(peer, {errc::peer_lost, end.why.context}, end.silent);
      } else if (closed_) {
        lose(peer, {errc::unavailable, "the node stops"});
      } else if (peer->needs_connection()) {
        dial(peer);
      }
    }
  }
  if (closed_ && connections_.empty() && on_closed_) std::exchange(on_closed_, nullptr)();
}

// Strangers may knock as often as they like: one line a second tells of them, the counters of all.
void link_table::log_refusal(const connection_end& end) {
  if (end.refusal == link_refusal::duplicate || now() - refusal_logged_ < refusal_log_interval) return;
  refusal_logged_ = now();
  log_.warn(
      "link", "handshake_refused",
      {{"reason", name_of(end.refusal)}, {"by", end.refused_by_peer ? "peer" : "us"}, {"words", end.why.context}});
}

// Two addresses of one node, e.g. a seed's name: all goes on under the one that was known before.
void link_table::merge(const peer_ptr& peer, const peer_ptr& known) {
  {
    const std::lock_guard lock(mutex_);
    for (auto& [address, there] : by_address_) {
      if (there == peer) there = known;
    }
  }
  peer->merge_into(known);
}

void link_table::dial_ended(const peer_ptr& peer, const connection_end& end) {
  if (end.refusal == link_refusal::duplicate && ++peer->duplicates <= duplicates_max && !closed_) {
    const auto known = end.peer.id.empty() ? nullptr : find(end.peer);
    if (!known || known == peer) return wait_for_inbound(peer);
    merge(peer, known);
    if (known->needs_connection()) dial(known);
    return;
  }
  link_counters::add(counters_.dials_failed);
  if (end.refusal != link_refusal::wrong_incarnation) back_off(peer->target().address);
  log_.debug("link", "dial_failed", {{"address", peer->target().address}, {"reason", end.why.context}});
  if (end.nobody && refused_callback_ && !closed_) refused_callback_(peer->target());
  lose(peer, {peer->identity().id.empty() ? errc::unavailable : errc::peer_lost, end.why.context},
       !end.nobody && end.refusal == link_refusal::none);
}

void link_table::wait_for_inbound(const peer_ptr& peer) {
  peer->pause = std::make_unique<asio::steady_timer>(home_, inbound_wait);
  peer->pause->async_wait([table = weak_from_this(), peer](boost::system::error_code cancelled) {
    const auto alive = table.lock();
    if (cancelled || !alive) return;
    peer->pause.reset();
    alive->dial(peer);
  });
}

void link_table::lose(const peer_ptr& peer, const error& why, bool silent) {
  if (!peer->alive()) return;
  unlist(peer);
  const bool was_up = !peer->identity().id.empty();
  for (auto* held : {&peer->dialling, &peer->provisional, &peer->current}) {
    if (!*held) continue;
    if (held == &peer->current) counters_.connections.fetch_sub(1, std::memory_order_relaxed);
    (*held)->owner = nullptr;
    std::exchange(*held, nullptr)->abort(why);
  }
  if (peer->pause) peer->pause->cancel();
  if (settings_.carrier) settings_.carrier->on_lost(peer);
  peer->die(why);
  if (!was_up || closed_) return;
  link_counters::add(counters_.peers_lost);
  log_.info("link", "peer_lost", {{"peer", peer->identity().name}, {"reason", why.context}});
  const error told{silent ? errc::deadline_exceeded : why.code, why.context};
  for (const auto& tell : lost_callbacks_) tell(peer->identity(), told);
}

void link_table::back_off(const std::string& address) {
  const std::lock_guard lock(mutex_);
  if (backoffs_.size() >= backoffs_max)
    std::erase_if(backoffs_, [](const auto& row) { return row.second.not_before < now(); });
  if (backoffs_.size() >= backoffs_max) backoffs_.clear();
  auto& b = backoffs_[address];
  b.pause = b.pause == duration::zero() ? settings_.backoff_min : std::min(b.pause * 2, settings_.backoff_max);
  b.not_before = now() + b.pause;
}

}  // namespace troupe
