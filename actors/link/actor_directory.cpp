#include "actors/link/actor_directory.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>
#include <caf/actor_cast.hpp>

#include "actors/clock.hpp"
#include "actors/messages/error.hpp"
#include "runtime/link/wire_bytes.hpp"

namespace troupe {

namespace {

constexpr std::size_t name_max = 255;

// FNV-1a, in the 62 bits that are free.
std::uint64_t id_of_name(std::string_view name) noexcept {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return published_bit | (hash & ~(published_bit | relay_bit));
}

void add_watcher(std::vector<std::weak_ptr<actor_session>>& all, const std::shared_ptr<actor_session>& watcher) {
  if (!watcher) return;
  std::erase_if(all, [](const auto& w) { return w.expired(); });
  const bool known = std::any_of(all.begin(), all.end(), [&](const auto& w) { return w.lock() == watcher; });
  if (!known) all.push_back(watcher);
}

void tell_down(const std::vector<std::weak_ptr<actor_session>>& watchers, std::uint64_t id, const caf::error& reason) {
  for (const auto& watcher : watchers) {
    if (const auto session = watcher.lock()) session->tell_down(id, reason);
  }
}

std::shared_ptr<actor_session> session_of(const std::shared_ptr<link_peer>& peer) {
  return std::static_pointer_cast<actor_session>(peer->extension());
}

}  // namespace

actor_directory::actor_directory(caf::actor_system& system, const std::shared_ptr<link_table>& link,
                                 boost::asio::io_context& io, event_log* log, bool run_on_arrival)
    : system_(system),
      link_(link),
      io_(io),
      letters_(std::make_shared<dead_letters>(log)),
      run_on_arrival_(run_on_arrival) {}

std::shared_ptr<actor_directory> actor_directory::open(caf::actor_system& system,
                                                       const std::shared_ptr<link_table>& link,
                                                       boost::asio::io_context& io, event_log* log,
                                                       bool run_on_arrival) {
  std::shared_ptr<actor_directory> directory(new actor_directory(system, link, io, log, run_on_arrival));
  link->set_extension([weak = directory->weak_from_this()](const std::shared_ptr<link_peer>& peer) {
    auto session = std::make_shared<actor_session>(weak, peer);
    if (const auto alive = weak.lock()) {
      const std::lock_guard lock(alive->mutex_);
      std::erase_if(alive->sessions_, [](const auto& s) { return s.expired(); });
      alive->sessions_.push_back(session);
    }
    return session;
  });
  link->handle_requests(link_request_kind::actor_names,
                        [weak = directory->weak_from_this()](const link_request& request, link_responder responder) {
                          if (const auto alive = weak.lock()) alive->on_lookup(request, std::move(responder));
                        });
  return directory;
}

incarnation_id actor_directory::self() const {
  const auto link = link_.lock();
  return link ? link->self().id : incarnation_id{};
}

// ---- names ----

expected<void> actor_directory::publish(std::string_view name, const caf::actor& actor) {
  if (name.empty() || name.size() > name_max || !actor)
    return fail(errc::invalid_argument, "an actor is published under a name of 1 to 255 bytes");
  const auto id = id_of_name(name);
  auto handle = caf::actor_cast<caf::strong_actor_ptr>(actor);
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return fail(errc::unavailable, "the node stops");
    if (exports_.contains(id)) return fail(errc::invalid_argument, "the name " + std::string(name) + " is taken");
    if (exports_.size() >= exports_max) return fail(errc::unavailable, "too many actors are known to other nodes");
    exports_.emplace(id, exported{handle, std::string(name), 0, {}});
  }
  watch_end_of(handle, id);
  return {};
}

void actor_directory::unpublish(std::string_view name) {
  on_ended(id_of_name(name), caf::invalid_actor_id, to_caf({errc::not_found, "the name is no longer published"}));
}

expected<caf::actor> actor_directory::find(const link_target& member, std::string_view name) {
  const auto link = link_.lock();
  if (!link) return fail(errc::unavailable, "the node stops");
  const auto id = id_of_name(name);
  if (member.id == link->self().id) {
    if (const auto found = local(id)) return caf::actor_cast<caf::actor>(found);
    return fail(errc::not_found, "no actor is published as " + std::string(name));
  }
  if (member.id.empty()) return fail(errc::invalid_argument, "an actor is found at one incarnation of a member");
  const auto handle = foreign(member, id);
  if (!handle) return fail(errc::unavailable, "the node of the actor is not reachable");
  return caf::actor_cast<caf::actor>(handle);
}

void actor_directory::lookup(const link_target& member, std::string_view name, time_point deadline,
                             std::function<void(expected<caf::actor>)> done) {
  const auto link = link_.lock();
  if (!link) return done(fail(errc::unavailable, "the node stops"));
  if (member.id == link->self().id) return done(find(member, name));
  const auto peer = link->peer(member);
  if (!peer) return done(tl::unexpected<error>(peer.error()));
  const auto answered = [weak = weak_from_this(), session = session_of(*peer),
                         done = std::move(done)](const expected<std::string_view>& reply) {
    if (!reply) return done(tl::unexpected<error>(reply.error()));
    wire_reader in(*reply);
    const auto id = in.take<std::uint64_t>();
    const auto handle = in.good() && weak.lock() ? session->proxy_of(id, true) : nullptr;
    if (!handle) return done(fail(errc::unavailable, "the node of the actor is not reachable"));
    done(caf::actor_cast<caf::actor>(handle));
  };
  (*peer)->request(static_cast<std::uint16_t>(link_request_kind::actor_names), name, clock_now(), deadline, answered);
}

void actor_directory::on_lookup(const link_request& request, link_responder responder) {
  const auto actor = local(id_of_name(request.body));
  if (!actor) return responder.answer(fail(errc::not_found, "no actor is published as " + std::string(request.body)));
  if (!session_of(request.peer)->announce(actor))
    return responder.answer(fail(errc::unavailable, "too many actors are known to other nodes"));
  std::string id;
  append_le(id, std::uint64_t{actor->aid});
  responder.answer(std::string_view(id));
}

// ---- what others know of this node ----

caf::strong_actor_ptr actor_directory::local(std::uint64_t id) const {
  const std::shared_lock lock(mutex_);
  const auto found = exports_.find(id);
  return found == exports_.end() ? nullptr : found->second.actor;
}

bool actor_directory::add_export(std::uint64_t id, const caf::strong_actor_ptr& actor,
                                 const std::shared_ptr<actor_session>& watcher) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    if (const auto found = exports_.find(id); found != exports_.end()) {
      add_watcher(found->second.watchers, watcher);
      return true;
    }
    if (exports_.size() >= exports_max) return false;
    exports_.emplace(id, exported{actor, {}, 0, {watcher}});
  }
  watch_end_of(actor, id);
  return true;
}

expected<void> actor_directory::pin(const caf::actor& actor) {
  const auto handle = caf::actor_cast<caf::strong_actor_ptr>(actor);
  if (!handle || handle->nid) return fail(errc::invalid_argument, "an actor is registered at its own node");
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return fail(errc::unavailable, "the node stops");
    const auto found = exports_.find(handle->aid);
    if (found != exports_.end()) {
      ++found->second.pins;
      return {};
    }
    if (exports_.size() >= exports_max) return fail(errc::unavailable, "too many actors are known to other nodes");
    exports_.emplace(handle->aid, exported{handle, {}, 1, {}});
  }
  watch_end_of(handle, handle->aid);
  return {};
}

void actor_directory::unpin(std::uint64_t id) {
  caf::strong_actor_ptr released;  // not under the lock
  const std::lock_guard lock(mutex_);
  const auto found = exports_.find(id);
  if (found == exports_.end() || found->second.pins == 0) return;
  auto& e = found->second;
  std::erase_if(e.watchers, [](const auto& w) { return w.expired(); });
  if (--e.pins > 0 || !e.watchers.empty() || !e.name.empty()) return;
  released = std::move(e.actor);
  exports_.erase(found);
}

caf::actor actor_directory::pinned(const link_target& member, std::uint64_t id) {
  const auto handle = member.id == self() ? local(id) : foreign(member, id);
  return handle ? caf::actor_cast<caf::actor>(handle) : caf::actor();
}

bool actor_directory::watch(std::uint64_t id, const std::shared_ptr<actor_session>& watcher) {
  const std::lock_guard lock(mutex_);
  const auto found = exports_.find(id);
  if (found == exports_.end()) return false;
  add_watcher(found->second.watchers, watcher);
  return true;
}

void actor_directory::unwatch(const actor_session& watcher, const std::vector<std::uint64_t>& ids) {
  std::vector<caf::strong_actor_ptr> released;  // an actor may end with its last handle: not under the lock
  const std::lock_guard lock(mutex_);
  for (const auto id : ids) {
    const auto found = exports_.find(id);
    if (found == exports_.end()) continue;
    auto& e = found->second;
    std::erase_if(e.watchers, [&](const auto& w) { return w.expired() || w.lock().get() == &watcher; });
    if (!e.watchers.empty() || !e.name.empty() || e.pins > 0) continue;
    released.push_back(std::move(e.actor));
    exports_.erase(found);
  }
}

// Attaching takes the actor's own lock, which the caller may hold (links are made under it).
void actor_directory::watch_end_of(const caf::strong_actor_ptr& actor, std::uint64_t id) {
  boost::asio::post(io_, [weak = weak_from_this(), actor, id] {
    actor->get()->attach_functor([weak, id, who = actor->aid](const caf::error& reason) {
      if (const auto alive = weak.lock()) alive->on_ended(id, who, reason);
    });
  });
}

// `who`: a name may have passed to another actor since; the invalid id means whoever has it.
void actor_directory::on_ended(std::uint64_t id, caf::actor_id who, const caf::error& reason) {
  exported ended;
  {
    const std::lock_guard lock(mutex_);
    const auto found = exports_.find(id);
    if (found == exports_.end() || (who != caf::invalid_actor_id && found->second.actor->aid != who)) return;
    ended = std::move(found->second);
    exports_.erase(found);
  }
  tell_down(ended.watchers, id, reason);
}

caf::strong_actor_ptr actor_directory::foreign(const link_target& node, std::uint64_t id) {
  const auto link = link_.lock();
  if (!link) return nullptr;
  const auto peer = link->peer(node);
  return peer ? session_of(*peer)->proxy_of(id, true) : nullptr;
}

std::size_t actor_directory::exports() const {
  const std::shared_lock lock(mutex_);
  return exports_.size();
}

void actor_directory::close() {
  std::vector<std::weak_ptr<actor_session>> sessions;
  decltype(exports_) exports;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    sessions.swap(sessions_);
    exports.swap(exports_);
  }
  for (const auto& weak : sessions) {
    if (const auto session = weak.lock()) session->on_lost({errc::unavailable, "the node stops"});
  }
}

}  // namespace troupe
