#include "actors/cluster/lock_calls.hpp"

#include <utility>
#include <vector>

#include "actors/clock.hpp"
#include "actors/cluster/cluster_actor.hpp"

namespace troupe {

class lock_calls::holding final : public lock_holding {
 public:
  holding(std::shared_ptr<way_in> way, claim_number claim, std::uint64_t token)
      : way_(std::move(way)), claim_(claim), token_(token) {}
  ~holding() override { release(); }
  holding(const holding&) = delete;
  holding& operator=(const holding&) = delete;

  [[nodiscard]] std::uint64_t token() const override { return token_; }
  [[nodiscard]] bool still_valid() const override {
    return !released_ && clock_now().time_since_epoch().count() < until_;
  }
  [[nodiscard]] time_point until() const {
    return released_ ? time_point::min() : time_point(time_point::duration(until_.load()));
  }
  void release() override {
    if (released_.exchange(true)) return;
    (void)push(*way_, [claim = claim_](cluster_machine& m, time_point now, cluster_output& out) {
      m.drop_claim(claim, now, out);
    });
  }
  void set_until(time_point until) { until_ = until.time_since_epoch().count(); }

 private:
  const std::shared_ptr<way_in> way_;
  const claim_number claim_;
  const std::uint64_t token_;
  std::atomic<time_point::rep> until_{0};
  std::atomic<bool> released_{false};
};

lock_calls::lock_calls(cluster_inbox& in) : way_(std::make_shared<way_in>()) { way_->in = &in; }

// A hold may live on; it has nowhere to go then.
lock_calls::~lock_calls() {
  const std::lock_guard lock(way_->mutex);
  way_->in = nullptr;
}

bool lock_calls::push(way_in& way, step run) {
  const std::lock_guard lock(way.mutex);
  return way.in != nullptr && way.in->push(call_asked{std::move(run)});
}

lock_calls::ticket lock_calls::lock(lock_request request, callback<hold> done) {
  auto mine = std::make_shared<std::atomic<claim_number>>(0);
  const auto shared = std::make_shared<callback<hold>>(std::move(done));
  const auto run = [this, shared, mine, r = std::move(request)](cluster_machine& m, time_point now,
                                                                cluster_output& out) {
    const auto claim = m.claim(r, false, now, out);
    if (!claim) return (*shared)(tl::unexpected(claim.error()));
    *mine = *claim;
    const std::lock_guard lock(mutex_);
    waiting_[*claim] = std::move(*shared);
  };
  if (!push(*way_, run)) (*shared)(fail(errc::unavailable, "this node is too busy"));
  return mine;
}

void lock_calls::cancel(const ticket& t) {
  (void)push(*way_, [this, t](cluster_machine& m, time_point now, cluster_output& out) {
    callback<hold> forgotten;
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = waiting_.find(*t); found != waiting_.end()) {
        forgotten = std::move(found->second);
        waiting_.erase(found);
      }
    }
    m.drop_claim(*t, now, out);
  });
}

time_point lock_calls::sure_until(const hold& h) { return static_cast<const holding&>(*h).until(); }

std::uint64_t lock_calls::follow(lock_key key, holder_callback told) {
  std::uint64_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    id = ++last_follower_;
    followers_.emplace(id, follower{std::move(key), std::move(told)});
  }
  (void)push(*way_, [](cluster_machine&, time_point, cluster_output&) {});  // take() comes after it
  return id;
}

void lock_calls::unfollow(std::uint64_t id) {
  holder_callback ended;  // not under the lock
  const std::lock_guard lock(mutex_);
  if (const auto found = followers_.find(id); found != followers_.end()) {
    ended = std::move(found->second.told);
    followers_.erase(found);
  }
}

void lock_calls::lock_for_token(lock_request request, callback<std::uint64_t> done) {
  const auto ttl = request.ttl;
  lock(std::move(request), [this, ttl, done = std::move(done)](expected<hold> h) {
    if (!h) return done(tl::unexpected(std::move(h.error())));
    const auto token = (*h)->token();
    claim_number claim = 0;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [each, weak] : holds_) {
        if (weak.lock() == *h) claim = each;
      }
      kept_[token] = {std::move(*h), claim};
    }
    keep(token, ttl, [done, token](const expected<void>& kept) {
      done(kept ? expected<std::uint64_t>(token) : tl::unexpected(kept.error()));
    });
  });
}

void lock_calls::keep(std::uint64_t token, duration ttl, callback<void> done) {
  claim_number claim = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto found = kept_.find(token);
    if (found != kept_.end()) claim = found->second.claim;
  }
  if (claim == 0) return done(fail(errc::not_found, "this node holds nothing under that token"));
  const bool taken = push(*way_, [claim, ttl, done](cluster_machine& m, time_point now, cluster_output& out) {
    done(m.keep_claim(claim, now + ttl, now, out));
  });
  if (!taken) done(fail(errc::unavailable, "this node is too busy"));
}

void lock_calls::release(std::uint64_t token, callback<void> done) {
  hold let_go;
  {
    const std::lock_guard lock(mutex_);
    const auto found = kept_.find(token);
    if (found != kept_.end()) {
      let_go = std::move(found->second.held);
      kept_.erase(found);
    }
  }
  if (!let_go) return done(fail(errc::not_found, "this node holds nothing under that token"));
  let_go->release();
  done({});
}

void lock_calls::campaign(std::string role, duration ttl, role_callback f, callback<void> done) {
  if (auto fault = fault_of(lock_request{lock_kind::role, role, 1, ttl, {}}); !fault.empty()) {
    return done(fail(errc::invalid_argument, std::move(fault)));
  }
  {
    const std::lock_guard lock(mutex_);
    if (!roles_.emplace(role, campaigner{std::move(f), ttl, 0}).second) {
      return done(fail(errc::condition_failed, "this node campaigns for it already"));
    }
  }
  claim_role(role, std::move(done));
}

/// A role that cannot be claimed (the node leaves, or claims too much) is campaigned for no more.
void lock_calls::claim_role(const std::string& role, callback<void> done) {
  const auto run = [this, role, done](cluster_machine& m, time_point now, cluster_output& out) {
    duration ttl{};
    {
      const std::lock_guard lock(mutex_);
      const auto found = roles_.find(role);
      if (found == roles_.end() || m.claims().knows(found->second.claim)) return;
      ttl = found->second.ttl;
    }
    const auto claim = m.claim({lock_kind::role, role, 1, ttl, {}}, true, now, out);
    {
      const std::lock_guard lock(mutex_);
      const auto found = roles_.find(role);
      if (found != roles_.end() && claim) found->second.claim = *claim;
      if (found != roles_.end() && !claim) roles_.erase(found);
    }
    if (done) done(claim ? expected<void>() : tl::unexpected(claim.error()));
  };
  if (push(*way_, run) || !done) return;
  {
    const std::lock_guard lock(mutex_);
    roles_.erase(role);
  }
  done(fail(errc::unavailable, "this node is too busy"));
}

void lock_calls::resign(std::string role, callback<void> done) {
  claim_number claim = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto found = roles_.find(role);
    if (found == roles_.end()) return done(fail(errc::not_found, "this node does not campaign for it"));
    claim = found->second.claim;
    roles_.erase(found);
  }
  (void)push(*way_,
             [claim](cluster_machine& m, time_point now, cluster_output& out) { m.drop_claim(claim, now, out); });
  done({});
}

void lock_calls::on_event(const lock_event& e, time_point held_until) {
  callback<hold> done;
  std::string role;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, c] : roles_) {
      if (c.claim == e.claim) role = name;
    }
    if (const auto found = waiting_.find(e.claim); found != waiting_.end()) {
      done = std::move(found->second);
      waiting_.erase(found);
    }
  }
  if (!role.empty()) return on_role(role, e);
  if (!done) return;
  if (e.what != lock_event::kind::granted) return done(tl::unexpected(e.why));
  const auto held = std::make_shared<holding>(way_, e.claim, e.token);
  held->set_until(held_until);
  {
    const std::lock_guard lock(mutex_);
    holds_[e.claim] = held;
  }
  done(hold(held));
}

void lock_calls::on_role(const std::string& role, const lock_event& e) {
  role_callback told;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = roles_.find(role); found != roles_.end()) told = found->second.told;
  }
  const bool leads = e.what == lock_event::kind::granted;
  if (told) told({role, leads, leads ? e.token : 0});
}

// Under the lock. An actor that was restarted knows nothing of what its forerunner claimed.
std::vector<lock_calls::callback<lock_calls::hold>> lock_calls::take_forgotten(const lock_client& claims) {
  std::vector<callback<hold>> forgotten;
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    const bool known = claims.knows(at->first);
    if (!known) forgotten.push_back(std::move(at->second));
    at = known ? std::next(at) : waiting_.erase(at);
  }
  return forgotten;
}

// Under the lock.
std::vector<std::pair<lock_calls::holder_callback, std::optional<lock_grant>>> lock_calls::new_holders(
    const lock_table& table) {
  std::vector<std::pair<holder_callback, std::optional<lock_grant>>> due;
  for (auto& [id, f] : followers_) {
    const auto row = table.rows.find(f.key);
    const auto* grant = row == table.rows.end() ? nullptr : &row->second.grants.front();
    const auto token = grant == nullptr ? 0 : grant->token;
    if (f.token == token) continue;
    f.token = token;
    due.emplace_back(f.told, grant == nullptr ? std::nullopt : std::optional(*grant));
  }
  return due;
}

void lock_calls::take(cluster_output& out, const cluster_machine& machine) {
  const auto& claims = machine.claims();
  const auto put = [this](number n, std::uint64_t value) { numbers_[n].store(value, std::memory_order_relaxed); };
  for (const auto& e : out.locks) on_event(e, claims.held_until(e.claim));
  std::vector<std::string> forgotten;
  std::vector<callback<hold>> unanswered;
  std::vector<std::pair<holder_callback, std::optional<lock_grant>>> told;
  std::vector<hold> over;  // let go of without the lock
  {
    const std::lock_guard lock(mutex_);
    for (auto at = holds_.begin(); at != holds_.end();) {
      const auto held = at->second.lock();
      if (held) held->set_until(claims.held_until(at->first));
      at = held && claims.knows(at->first) ? std::next(at) : holds_.erase(at);
    }
    for (auto at = kept_.begin(); at != kept_.end();) {
      const bool there = claims.held_until(at->second.claim) != time_point::min();
      if (!there) over.push_back(std::move(at->second.held));
      at = there ? std::next(at) : kept_.erase(at);
    }
    for (const auto& [role, c] : roles_) {
      if (c.claim != 0 && !claims.knows(c.claim)) forgotten.push_back(role);
    }
    put(held_count, holds_.size());
    unanswered = take_forgotten(claims);
    told = new_holders(machine.locks().table());
  }
  for (const auto& done : unanswered) done(fail(errc::unavailable, "the claim was forgotten"));
  for (const auto& [tell, grant] : told) tell(grant ? &*grant : nullptr);
  for (const auto& role : forgotten) {
    on_role(role, {0, lock_event::kind::lost, 0, {}});
    claim_role(role);
  }
  const auto& c = machine.locks().counts();
  put(granted, c.granted);
  put(released, c.released);
  put(expired, c.expired);
  put(refused, c.refused);
  put(malformed, machine.locks_malformed());
}

void lock_calls::register_metrics(metrics& m) {
  const auto read = [this](number n) {
    return [&value = numbers_[n]] { return static_cast<double>(value.load(std::memory_order_relaxed)); };
  };
  m.read_counter("troupe_locks_granted_total", "Locks and roles that this node gave as the leader", {}, read(granted));
  m.read_counter("troupe_locks_released_total", "Of them, those that were given back", {}, read(released));
  m.read_counter("troupe_locks_expired_total", "Of them, those whose holder was silent for the whole ttl", {},
                 read(expired));
  m.read_counter("troupe_locks_refused_total", "Requests for locks that this node refused as the leader", {},
                 read(refused));
  m.read_counter("troupe_locks_malformed_total", "Messages about locks that could not be read", {}, read(malformed));
  m.read_gauge("troupe_locks_held", "Locks held through this node", {}, read(held_count));
}

}  // namespace troupe
