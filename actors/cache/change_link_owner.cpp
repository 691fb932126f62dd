// The owner's side of change_link: polls of other nodes and of this one, and what this node's shards tell.
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>

#include "actors/cache/change_link.hpp"
#include "actors/clock.hpp"

namespace troupe {

namespace {

time_point now() { return clock_now(); }

}  // namespace

void change_link::take_poll(const change_poll& p, answer_callback done) {
  answer_callback before;  // of a poll that this one follows too soon
  auto outcome = change_source::outcome::refused;
  const bool serves = with_.host.serves(now());
  {
    const std::lock_guard lock(source_mutex_);
    if (!closed_ && serves) {
      outcome = source_.on_poll(p, now());
      (void)set_wanted();  // before its answer can say so
      auto& place = answers_[p.session];
      before = std::exchange(place, outcome == change_source::outcome::refused ? nullptr : std::move(done));
      if (outcome == change_source::outcome::refused) answers_.erase(p.session);
    }
  }
  show_wanted();
  if (before) before(fail(errc::unavailable, "another poll came"));
  if (outcome == change_source::outcome::refused) {
    if (!serves) return done(fail(errc::unavailable, "this node may not serve now"));
    return done(change_answer());
  }
  if (outcome == change_source::outcome::fresh) attach_all(p.session);
  want_answers();
  clock_.set(now() + tick);
}

// Each under its lock: what is written later is told.
void change_link::attach_all(std::uint64_t session) {
  for (std::uint32_t i = 0; i < with_.host.shards(); ++i) {
    with_.host.with_shard(i, [&](held_shard& h) {
      const bool held = h.role() == held_shard::part::primary || h.role() == held_shard::part::released;
      if (!held) return;
      const std::lock_guard lock(source_mutex_);
      source_.attach(session, i, h.epoch(), h.store().version());
    });
  }
}

// What somebody wants to know, where shards see it without a lock; they are watched while that is anything.
void change_link::show_wanted() {
  const std::lock_guard one(watching_mutex_);
  bool any = false;
  {
    const std::lock_guard lock(source_mutex_);
    any = set_wanted();
  }
  if (any == watching_ || (any && closed_)) return;
  watching_ = any;
  with_.host.tell_changes(any ? this : nullptr);
}

bool change_link::set_wanted() {
  for (std::size_t i = 0; i < wanted_.size(); ++i)
    wanted_[i].store(source_.wants(static_cast<cache_id>(i)), std::memory_order_relaxed);
  return source_.any();
}

void change_link::watch_shards(bool on) {
  const std::lock_guard one(watching_mutex_);
  watching_ = on;
  with_.host.tell_changes(on ? this : nullptr);
}

void change_link::on_change(std::uint32_t shard, const key_change& c, std::uint64_t sequence) {
  // What gave way in memory is still the database's.
  const auto* declared = with_.caches.get(c.cache);
  if (c.kind == change_kind::evicted && (declared == nullptr || declared->settings.backed)) return;
  bool ready = false;
  {
    const std::lock_guard lock(source_mutex_);
    source_.on_change(shard, c, sequence);
    ready = source_.ready();
  }
  if (ready) want_answers();
}

void change_link::on_committed(std::uint32_t shard, std::uint64_t sequence) {
  bool ready = false;
  {
    const std::lock_guard lock(source_mutex_);
    source_.on_committed(shard, sequence);
    ready = source_.ready();
  }
  if (ready) want_answers();
}

void change_link::on_begin(std::uint32_t shard, std::uint64_t epoch, std::uint64_t version) {
  const std::lock_guard lock(source_mutex_);
  source_.on_begin(shard, epoch, version);
  if (source_.ready()) want_answers();
}

void change_link::on_end(std::uint32_t shard, std::uint64_t version) {
  const std::lock_guard lock(source_mutex_);
  source_.on_end(shard, version);
  if (source_.ready()) want_answers();
}

// At the end of this turn of the loop: what else comes until then goes along. Called under a shard's lock.
void change_link::want_answers() {
  if (closed_ || answers_posted_.exchange(true)) return;
  boost::asio::post(with_.io.context(0), [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->answer_due();
  });
}

// A node that may not serve cannot say that nothing changed.
void change_link::answer_due() {
  answers_posted_ = false;
  const bool serves = with_.host.serves(now());
  std::vector<std::pair<answer_callback, change_answer>> due;
  {
    const std::lock_guard lock(source_mutex_);
    for (auto at = answers_.begin(); at != answers_.end();) {
      const auto here = at++;
      if (source_.knows(here->first)) continue;
      due.emplace_back(std::move(here->second), change_answer());
      answers_.erase(here);
    }
    for (const auto session : source_.due(now())) {
      const auto at = answers_.find(session);
      if (at == answers_.end()) continue;
      due.emplace_back(std::move(at->second), serves ? source_.take(session, now()) : change_answer());
      answers_.erase(at);
    }
  }
  for (auto& [done, answer] : due) done(std::move(answer));
}

void change_link::mark(std::uint64_t session, cache_id cache, std::uint32_t shard, std::uint64_t token,
                       std::uint64_t sequence) {
  bool ready = false;
  {
    const std::lock_guard lock(source_mutex_);
    source_.mark(session, cache, shard, token, sequence);
    ready = source_.ready();
  }
  if (ready) want_answers();
}

}  // namespace troupe
