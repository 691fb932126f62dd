#include "actors/toolkit/registry_service.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>
#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

#include "actors/clock.hpp"

namespace troupe {

namespace {

time_point now() { return clock_now(); }

/// The very same handles: CAF takes one that died with a link for equal to the next one of the same actor.
bool same(const listing& a, const listing& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return caf::actor_cast<caf::abstract_actor*>(x.actor) == caf::actor_cast<caf::abstract_actor*>(y.actor);
  });
}

registry_entry entry_of(const std::string& key, const caf::actor& a) { return {key, a.id()}; }

}  // namespace

registry_service::registry_service(surroundings s)
    : with_(std::move(s)),
      clock_(with_.io.context(0)),
      machine_(with_.self, random(with_.seed)),
      rng_(with_.seed + 1) {}

void registry_service::serve() {
  with_.link.handle_requests(link_request_kind::registry,
                             [weak = weak_from_this()](const link_request& request, link_responder r) {
                               if (const auto s = weak.lock()) s->on_request(request, std::move(r));
                             });
  with_.link.on_peer_lost([weak = weak_from_this()](const peer_identity&, const error&) {
    const auto s = weak.lock();
    if (s) boost::asio::post(s->with_.io.context(0), [s] { s->follow_members(); });
  });
}

expected<void> registry_service::start() {
  auto ticking = clock_.start([weak = weak_from_this()] {
    if (const auto s = weak.lock()) s->run();
  });
  if (!ticking) return ticking;
  const auto follow = [weak = weak_from_this()] {
    if (const auto s = weak.lock()) s->follow_members();
  };
  listener_ = with_.events.listen([&io = with_.io, follow](const std::shared_ptr<const event>& e) {
    if (e->kind.rfind("member_", 0) == 0 || e->kind == "joined") boost::asio::post(io.context(0), follow);
  });
  boost::asio::post(with_.io.context(0), follow);
  return {};
}

void registry_service::withdraw() {
  {
    const std::lock_guard lock(mutex_);
    leaves_ = true;
    machine_.remove_all(now());
  }
  settle();
}

void registry_service::close() {
  if (listener_ != 0) with_.events.unlisten(std::exchange(listener_, 0));
  clock_.close();
  std::map<std::uint64_t, std::shared_ptr<subscriber>> ended;  // their callbacks end without the lock
  const std::lock_guard lock(mutex_);
  closed_ = true;
  ended.swap(subscribers_);
}

// ---- other nodes ----

void registry_service::follow_members() {
  const auto view = with_.board.read();
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    targets_.clear();
    std::set<incarnation_id> others;
    for (const auto& m : view->members) {
      if (m.id == with_.self || !takes_part(m)) continue;
      others.insert(m.id);
      targets_[m.id] = {m.address, m.id};
    }
    machine_.set_members(others, now());
    for (auto& [id, s] : subscribers_) s->due = true;  // what can be reached may be other handles now
  }
  (void)with_.far->read();
  run();
}

void registry_service::run() {
  std::vector<registry_machine::outgoing> out;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    out = machine_.on_tick(now());
  }
  settle();
  for (const auto& [to, m] : out) send(to, m);
}

void registry_service::send(const incarnation_id& to, const registry_message& m) {
  link_target target;
  {
    const std::lock_guard lock(mutex_);
    const auto at = targets_.find(to);
    if (closed_ || at == targets_.end()) return;
    target = at->second;
  }
  with_.link.request(target, link_request_kind::registry, encode(m), now() + answer_max,
                     [weak = weak_from_this(), to](const expected<std::string_view>& answer) {
                       if (const auto s = weak.lock()) s->on_answer(to, answer);
                     });
}

// Nothing is done about no answer: rounds go on, and newcomers are asked again.
void registry_service::on_answer(const incarnation_id& from, const expected<std::string_view>& answer) {
  if (!answer) {
    ++numbers_->unanswered;
    return;
  }
  const auto m = answer->empty() ? registry_message{} : decode_registry_message(*answer);
  if (!m) {
    ++numbers_->malformed;
    return;
  }
  std::optional<registry_message> more;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    more = machine_.on_message(from, *m, now());
  }
  settle();
  if (!more) return;
  // Not from inside request(), which may call back at once.
  boost::asio::post(with_.io.context(0),
                    [self = shared_from_this(), from, m = std::move(*more)] { self->send(from, m); });
}

void registry_service::on_request(const link_request& request, link_responder responder) {
  const auto m = decode_registry_message(request.body);
  if (!m) {
    ++numbers_->malformed;
    return responder.answer(tl::unexpected<error>(m.error()));
  }
  std::optional<registry_message> answer;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return responder.answer(fail(errc::unavailable, "the node stops"));
    answer = machine_.on_message(request.from.id, *m, now());
  }
  responder.answer(answer ? encode(*answer) : std::string());
  settle();
}

// After each step of the machine: its next tick, its numbers, who is to be told.
void registry_service::settle() {
  bool post = false;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    clock_.set(machine_.next_tick());
    const auto& n = machine_.counts();
    numbers_->rounds = n.rounds;
    numbers_->applied = n.applied;
    numbers_->refused = n.refused;
    numbers_->entries = machine_.entries();
    numbers_->own = machine_.mine().entries().size();
    const auto changed = machine_.take_changed();
    bool due = false;
    for (auto& [id, s] : subscribers_) {
      s->due = s->due || changed.contains(s->key);
      due = due || s->due;
    }
    post = due && !std::exchange(tell_posted_, true);
  }
  if (post) boost::asio::post(with_.io.context(0), [self = shared_from_this()] { self->tell(); });
}

// On the first I/O thread, so that a subscriber is told one thing after the other.
void registry_service::tell() {
  std::vector<std::shared_ptr<subscriber>> due;
  {
    const std::lock_guard lock(mutex_);
    tell_posted_ = false;
    for (auto& [id, s] : subscribers_) {
      if (std::exchange(s->due, false)) due.push_back(s);
    }
  }
  for (const auto& s : due) {
    auto now_there = find(s->key, where::all());
    if (s->told && same(*s->told, now_there)) continue;
    s->told = now_there;
    s->tell(now_there);
  }
}

// ---- this node's actors ----

expected<void> registry_service::add(const std::string& key, const caf::actor& actor) {
  if (auto pinned = with_.directory->pin(actor); !pinned) return pinned;
  const auto e = entry_of(key, actor);
  expected<void> done;
  bool known = false;
  {
    const std::lock_guard lock(mutex_);
    known = machine_.mine().entries().contains(e);
    if (closed_ || leaves_)
      done = fail(errc::unavailable, "the node leaves or stops");
    else
      done = machine_.add(e, now());
  }
  if (!done || known) {
    with_.directory->unpin(e.actor);
    return done;
  }
  settle();
  actor->attach_functor([weak = weak_from_this(), e] {
    if (const auto s = weak.lock()) s->forget(e);
  });
  return done;
}

void registry_service::remove(const std::string& key, const caf::actor& actor) {
  if (actor) forget(entry_of(key, actor));
}

void registry_service::forget(const registry_entry& e) {
  {
    const std::lock_guard lock(mutex_);
    if (!machine_.mine().entries().contains(e)) return;
    machine_.remove(e, now());
  }
  with_.directory->unpin(e.actor);
  settle();
}

// ---- looking ----

listing registry_service::find(const std::string& key, const where& w) const {
  const auto view = with_.board.read();
  const auto far = w.how == where::pick::nearest ? with_.far->read() : distances{};
  std::vector<registry_row> rows;
  expected<std::vector<candidate>> members;
  {
    const std::lock_guard lock(mutex_);
    rows = machine_.find(key);
    if (rows.empty()) return {};
    members = choose(*view, w, far, rng_);
    if (w.how == where::pick::any) rng_.shuffle(rows);
  }
  listing found;
  if (!members) return found;
  for (const auto& m : *members) {
    for (const auto& row : rows) {
      if (row.owner != m.id) continue;
      if (auto handle = with_.directory->pinned({m.address, m.id}, row.actor))
        found.push_back({std::move(handle), m.name});
    }
  }
  return found;
}

std::uint64_t registry_service::add_subscriber(const std::string& key, callback f) {
  std::uint64_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    id = next_subscriber_++;
    if (!closed_) subscribers_.emplace(id, std::make_shared<subscriber>(subscriber{key, std::move(f)}));
  }
  settle();
  return id;
}

void registry_service::end_subscription(std::uint64_t id) {
  std::shared_ptr<subscriber> ended;
  const std::lock_guard lock(mutex_);
  if (const auto at = subscribers_.find(id); at != subscribers_.end()) {
    ended = std::move(at->second);
    subscribers_.erase(at);
  }
}

registry_subscription registry_service::subscribe(const std::string& key, callback f) {
  const auto id = add_subscriber(key, std::move(f));
  return registry_subscription(std::shared_ptr<void>(nullptr, [weak = weak_from_this(), id](void*) {
    if (const auto s = weak.lock()) s->end_subscription(id);
  }));
}

void registry_service::subscribe(const std::string& key, const caf::actor& listener) {
  const auto weakly = caf::actor_cast<caf::weak_actor_ptr>(listener);
  const auto id = add_subscriber(key, [key, weakly](const listing& now_there) {
    const auto to = weakly.lock();
    if (!to) return;
    std::vector<caf::actor> handles;
    for (const auto& r : now_there) handles.push_back(r.actor);
    caf::anon_send(caf::actor_cast<caf::actor>(to), key, std::move(handles));
  });
  listener->attach_functor([weak = weak_from_this(), id] {
    if (const auto s = weak.lock()) s->end_subscription(id);
  });
}

void registry_service::register_metrics(metrics& m) {
  const auto count = [&](const char* name, const char* help, std::atomic<std::uint64_t> counters::*which) {
    m.read_counter(name, help, {}, [n = numbers_, which] { return static_cast<double>(((*n).*which).load()); });
  };
  count("troupe_registry_asked_total", "Nodes that were asked what they know", &counters::rounds);
  count("troupe_registry_updates_total", "Updates that told something new", &counters::applied);
  count("troupe_registry_refused_total", "Updates about nodes that are no members", &counters::refused);
  count("troupe_registry_malformed_total", "Messages that could not be read", &counters::malformed);
  count("troupe_registry_unanswered_total", "Questions that nobody answered in time", &counters::unanswered);
  const auto gauge = [&](const char* name, const char* help, std::atomic<std::uint64_t> counters::*which) {
    m.read_gauge(name, help, {}, [n = numbers_, which] { return static_cast<double>(((*n).*which).load()); });
  };
  gauge("troupe_registry_entries_count", "Registered actors of all nodes, as known here", &counters::entries);
  gauge("troupe_registry_own_count", "Registered actors of this node", &counters::own);
}

}  // namespace troupe
