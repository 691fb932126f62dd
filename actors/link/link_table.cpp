#include "actors/link/link_table.hpp"

#include <algorithm>

#include "actors/clock.hpp"
#include "actors/link/link_connection.hpp"
#include "runtime/base/check.hpp"

namespace troupe {

namespace asio = boost::asio;

namespace {

constexpr auto sweep_interval = std::chrono::milliseconds(20);

time_point now() { return clock_now(); }

}  // namespace

link_table::link_table(io_pool& io, event_log& log, link_settings settings)
    : io_(io),
      home_(io.context(0)),
      log_(log),
      settings_(std::move(settings)),
      listener_(std::make_shared<link_listener>(io)),
      sweep_timer_(home_),
      idle_timer_(home_) {}

link_table::~link_table() {
  for (const auto& peer : peers()) {
    peer->die({errc::unavailable, "the node stops"});
    peer->dialling = peer->provisional = peer->current = nullptr;
    peer->pause.reset();
  }
  for (const auto& c : connections_) c->drop();
}

expected<void> link_table::bind(const std::string& address) { return listener_->bind(address); }

void link_table::start(const peer_identity& self) {
  self_ = self;
  if (address().empty()) return;
  listener_->start([table = weak_from_this()](asio::ip::tcp::socket socket) {
    if (const auto alive = table.lock()) alive->accepted(std::move(socket));
  });
}

handshake_settings link_table::handshake_words() const {
  auto secrets = settings_.secrets ? settings_.secrets() : std::vector<std::string>{settings_.secret};
  return {self_, settings_.cluster, std::move(secrets)};
}

// Under the lock.
link_host::peer_ptr link_table::make_peer(const link_target& to, bool list_address) {
  auto made = std::make_shared<link_peer>(*this, to, peers_made_++);
  made->known_id = to.id;
  if (extension_factory_) made->extend(extension_factory_(made));
  if (list_address && !to.address.empty()) by_address_[to.address] = made;
  if (!to.id.empty()) by_id_[to.id] = made;
  return made;
}

expected<link_host::peer_ptr> link_table::peer(const link_target& to) {
  if (to.id == self_.id || (to.id.empty() && to.address == self_.address))
    return fail(errc::invalid_argument, "a node has no link to itself");
  const std::lock_guard lock(mutex_);
  if (closed_) return fail(errc::unavailable, "the node stops");
  if (!to.id.empty()) {
    if (const auto found = by_id_.find(to.id); found != by_id_.end()) return found->second;
  }
  if (const auto found = by_address_.find(to.address); found != by_address_.end()) {
    const auto& there = found->second;
    if (to.id.empty()) return there;
    if (there->known_id.empty()) {
      there->known_id = to.id;
      by_id_[to.id] = there;
      return there;
    }
  }
  if (to.address.empty()) return fail(errc::unavailable, "the peer is not connected and its address is not known");
  if (const auto failed = backoffs_.find(to.address); failed != backoffs_.end() && now() < failed->second.not_before)
    return fail(errc::unavailable, to.address + " was not reachable a moment ago");
  return make_peer(to);
}

expected<void> link_table::send_cluster(const link_target& to, std::string_view bytes) {
  const auto found = peer(to);
  if (!found) return tl::unexpected<error>(found.error());
  return (*found)->send(frame_type::cluster, {}, bytes);
}

void link_table::request(const link_target& to, link_request_kind kind, std::string_view body, time_point deadline,
                         reply_callback done) {
  const auto found = peer(to);
  if (!found) return done(tl::unexpected<error>(found.error()));
  (*found)->request(static_cast<std::uint16_t>(kind), body, now(), deadline, std::move(done));
}

void link_table::probe(const link_target& to, time_point deadline, std::function<void(expected<void>)> done) {
  request(to, link_request_kind::probe, {}, deadline, [done = std::move(done)](const expected<std::string_view>& r) {
    if (r)
      done({});
    else
      done(tl::unexpected<error>(r.error()));
  });
}

void link_table::on_request(const peer_ptr& peer, std::uint64_t id, std::uint16_t kind, time_point deadline,
                            std::string_view body) {
  link_responder responder(peer, id);
  if (kind == static_cast<std::uint16_t>(link_request_kind::probe)) return responder.answer(std::string_view());
  const auto found = request_handlers_.find(static_cast<link_request_kind>(kind));
  if (found == request_handlers_.end())
    return responder.answer(fail(errc::not_implemented, "nobody handles requests of kind " + std::to_string(kind)));
  found->second({peer, peer->identity(), body, deadline}, std::move(responder));
}

void link_table::on_cluster(const peer_identity& from, std::string_view bytes) {
  if (cluster_handler_) cluster_handler_(from, bytes);
}

std::vector<link_host::peer_ptr> link_table::peers() const {
  const std::lock_guard lock(mutex_);
  std::map<std::uint32_t, peer_ptr> unique;
  for (const auto& [id, peer] : by_id_) unique.emplace(peer->number, peer);
  for (const auto& [address, peer] : by_address_) unique.emplace(peer->number, peer);
  std::vector<peer_ptr> all;
  for (auto& [number, peer] : unique) all.push_back(std::move(peer));
  return all;
}

std::vector<link_table::link_status> link_table::status() const {
  std::vector<link_status> rows;
  for (const auto& peer : peers()) {
    const bool up = peer->up();
    rows.push_back({up ? peer->identity() : peer_identity{{}, {}, peer->target().address}, up, peer->queued()});
  }
  return rows;
}

link_host::peer_ptr link_table::find(const peer_identity& who) const {
  const std::lock_guard lock(mutex_);
  if (const auto found = by_id_.find(who.id); found != by_id_.end()) return found->second;
  const auto found = by_address_.find(who.address);
  if (found != by_address_.end() && found->second->known_id.empty()) return found->second;
  return nullptr;
}

// The peer turned out to be `who`: it is found under that id and address from now on. What was known
// at the address before, another incarnation, is returned.
link_host::peer_ptr link_table::adopt(const peer_ptr& peer, const peer_identity& who) {
  const std::lock_guard lock(mutex_);
  peer->known_id = who.id;
  by_id_[who.id] = peer;
  auto& there = by_address_[who.address];
  auto before = there == peer ? nullptr : there;
  there = peer;
  return before;
}

void link_table::unlist(const peer_ptr& peer) {
  const std::lock_guard lock(mutex_);
  if (const auto found = by_id_.find(peer->known_id); found != by_id_.end() && found->second == peer)
    by_id_.erase(found);
  std::erase_if(by_address_, [&](const auto& row) { return row.second == peer; });
}

void link_table::forget(const incarnation_id& id, std::string words) {
  at_home([id, words = std::move(words)](link_table& table) {
    peer_ptr found;
    {
      const std::lock_guard lock(table.mutex_);
      if (const auto row = table.by_id_.find(id); row != table.by_id_.end()) found = row->second;
    }
    if (found) table.lose(found, {errc::peer_lost, words});
  });
}

void link_table::want_connection(const peer_ptr& peer) {
  at_home([peer](link_table& table) { table.dial(peer); });
}

void link_table::want_sweep() {
  if (sweep_armed_.exchange(true)) return;
  at_home([](link_table& table) { table.sweep(); });
}

// Requests are swept while there are any; a link without requests costs no timer.
void link_table::sweep() {
  const auto then = [self = weak_from_this()] {
    if (const auto alive = self.lock()) alive->on_swept();
  };
  if (auto* simulated = virtual_clock::here()) return simulated->call_at(now() + sweep_interval, then);
  sweep_timer_.expires_after(sweep_interval);
  sweep_timer_.async_wait([then](boost::system::error_code cancelled) {
    if (!cancelled) then();
  });
}

void link_table::on_swept() {
  const auto all = peers();
  for (const auto& peer : all) peer->expire(now());
  sweep_armed_ = false;
  if (std::any_of(all.begin(), all.end(), [](const auto& peer) { return peer->has_requests(); })) want_sweep();
}

void link_table::arm_idle_timer() {
  if (idle_armed_) return;
  idle_armed_ = true;
  idle_timer_.expires_after(std::max<duration>(settings_.idle_timeout / 4, std::chrono::milliseconds(1)));
  idle_timer_.async_wait([self = weak_from_this()](boost::system::error_code cancelled) {
    const auto alive = self.lock();
    if (cancelled || !alive) return;
    alive->idle_armed_ = false;
    alive->close_idle();
  });
}

void link_table::close_idle() {
  bool any = false;
  for (const auto& peer : peers()) {
    if (!peer->current) continue;
    any = true;
    const bool waited_for =
        peer->queued() > 0 || peer->has_requests() || (peer->extension() && peer->extension()->busy());
    if (!waited_for && now() - peer->current->last_activity() >= settings_.idle_timeout) peer->current->say_idle();
  }
  if (any) arm_idle_timer();
}

void link_table::close(std::function<void()> done) {
  listener_->close();
  at_home([done = std::move(done)](link_table& table) mutable {
    {
      const std::lock_guard lock(table.mutex_);
      table.closed_ = true;
    }
    table.on_closed_ = std::move(done);
    table.sweep_timer_.cancel();
    table.idle_timer_.cancel();
    for (const auto& c : std::set(table.connections_)) c->say_goodbye("the node stops");
    for (const auto& peer : table.peers()) {
      if (peer->pause) peer->pause->cancel();
      if (peer->current) continue;  // dies when what waits is written
      table.unlist(peer);
      peer->die({errc::unavailable, "the node stops"});
    }
    if (table.connections_.empty() && table.on_closed_) std::exchange(table.on_closed_, nullptr)();
  });
}

}  // namespace troupe
