#include "actors/cluster/roster_runner.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <boost/asio/post.hpp>

#include "actors/wall_clock.hpp"

namespace troupe {

namespace {

time_point read_clock() { return std::chrono::steady_clock::now(); }

constexpr const char* stopped = "this member has stopped";

}  // namespace

roster_runner::roster_runner(membership::roster machine, surroundings s)
    : s_(std::move(s)), clock_(s_.loop), machine_(std::move(machine)) {}

expected<void> roster_runner::start(std::vector<std::string> seeds, bool more_may_come) {
  const auto tick = [](membership::roster& m, time_point now, membership::roster_output& out) { m.on_tick(now, out); };
  if (auto ticking = clock_.start([this, tick] { take(tick); }); !ticking) return ticking;
  connect();
  (void)post(
      [seeds = std::move(seeds), more_may_come](membership::roster& m, time_point now, membership::roster_output& out) {
        m.on_start(seeds, more_may_come, now, out);
      });
  return {};
}

void roster_runner::connect() {
  s_.link.set_cluster_handler([this](const peer_identity& from, std::string_view bytes) {
    take([&](membership::roster& m, time_point now, membership::roster_output& out) {
      m.on_packet(from.address, membership::channel::stream, bytes, now, out);
    });
  });
  s_.link.on_peer_lost([this](const peer_identity& peer, const error& why) {
    const auto how =
        why.code == errc::deadline_exceeded ? membership::link_loss::timed_out : membership::link_loss::closed;
    (void)post([name = peer.name, how](membership::roster& m, time_point now, membership::roster_output& out) {
      m.on_link_lost(name, how, now, out);
    });
  });
  s_.link.on_dial_refused([this](const link_target& to) {
    (void)post([address = to.address](membership::roster& m, time_point now, membership::roster_output& out) {
      m.on_link_refused(address, now, out);
    });
  });
}

void roster_runner::on_datagram(const std::string& from, std::string_view bytes) {
  take([&](membership::roster& m, time_point now, membership::roster_output& out) {
    m.on_packet(from, membership::channel::datagram, bytes, now, out);
  });
}

void roster_runner::on_seeds(std::vector<std::string> addresses, bool complete) {
  (void)post([addresses = std::move(addresses), complete](membership::roster& m, time_point now,
                                                          membership::roster_output& out) {
    m.on_seeds(addresses, complete, now, out);
  });
}

void roster_runner::take(const step& s) {
  if (over_) return;
  membership::roster_output out;
  s(machine_, read_clock(), out);
  carry_out(out);
}

bool roster_runner::post(step s) {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  boost::asio::post(s_.loop, [this, s = std::move(s)] { take(s); });
  return true;
}

template <class Result>
void roster_runner::call(
    callback<Result> done,
    std::function<expected<Result>(membership::roster&, time_point, membership::roster_output&)> run) {
  const auto shared = std::make_shared<callback<Result>>(std::move(done));
  const bool taken =
      post([shared, run = std::move(run)](membership::roster& m, time_point now, membership::roster_output& out) {
        (*shared)(run(m, now, out));
      });
  if (!taken) (*shared)(fail(errc::unavailable, stopped));
}

void roster_runner::change_tags(membership::tag_change change, callback<std::map<std::string, std::string>> done) {
  call<std::map<std::string, std::string>>(
      std::move(done),
      [change = std::move(change)](membership::roster& m, time_point now, membership::roster_output& out) {
        return m.change_tags(change, now, out);
      });
}

void roster_runner::raise_event(std::string name, std::string payload, callback<std::uint64_t> done) {
  call<std::uint64_t>(std::move(done), [name = std::move(name), payload = std::move(payload)](
                                           membership::roster& m, time_point now, membership::roster_output& out) {
    return m.raise_event(name, payload, now, out);
  });
}

void roster_runner::round_trip(std::string a, std::string b, callback<duration> done) {
  call<duration>(std::move(done),
                 [a = std::move(a), b = std::move(b)](membership::roster& m, time_point, membership::roster_output&) {
                   return m.round_trip(a, b);
                 });
}

void roster_runner::force_leave(std::string name, callback<void> done) {
  call<void>(std::move(done),
             [name = std::move(name)](membership::roster& m, time_point now, membership::roster_output& out) {
               return m.force_leave(name, now, out);
             });
}

// It ends by the machine's word, at its timeout at the latest.
void roster_runner::ask(query q, callback<query_result> done) {
  const auto shared = std::make_shared<callback<query_result>>(std::move(done));
  const bool taken =
      post([this, shared, q = std::move(q)](membership::roster& m, time_point now, membership::roster_output& out) {
        const auto time = m.ask(q, now, out);
        if (!time) return (*shared)(tl::unexpected(time.error()));
        asking_[*time] = std::move(*shared);
      });
  if (!taken) (*shared)(fail(errc::unavailable, stopped));
}

void roster_runner::answer(const membership::announcement_id& id, std::optional<std::string> payload) {
  (void)post([id, payload = std::move(payload)](membership::roster& m, time_point now, membership::roster_output& out) {
    m.answer_query(id, payload, now, out);
  });
}

void roster_runner::leave(callback<void> done) {
  const auto shared = std::make_shared<callback<void>>(std::move(done));
  const bool taken = post([this, shared](membership::roster& m, time_point now, membership::roster_output& out) {
    departed_ = std::move(*shared);
    m.leave(now, out);
  });
  if (!taken) (*shared)(fail(errc::unavailable, stopped));
}

void roster_runner::carry_out(membership::roster_output& out) {
  for (auto& p : out.packets) {
    if (p.how == membership::channel::datagram)
      s_.gossip.send(p.address, std::move(p.bytes));
    else  // lost, if it cannot be taken, as with its peer: the machine repeats what matters
      (void)s_.link.send_cluster({std::move(p.address), {}}, p.bytes);
  }
  for (const auto& id : out.failed) s_.link.forget(id, "the member has failed");
  picture_old_ = picture_old_ || out.picture_changed;
  std::move(out.events.begin(), out.events.end(), std::back_inserter(untold_));
  numbers_.publish(machine_.members());
  show(read_clock());
  for (auto& f : out.finished) {
    const auto at = asking_.find(f.time);
    if (at == asking_.end()) continue;
    const auto done = std::move(at->second);
    asking_.erase(at);
    done(std::move(f.result));
  }
  for (auto& a : out.asked) s_.on_asked(std::move(a));
  if (out.seeds_wanted && s_.on_seeds_wanted) s_.on_seeds_wanted();
  if (out.departed && departed_) std::exchange(departed_, nullptr)({});
  clock_.set(picture_old_ ? std::min(machine_.next_tick(), shown_at_ + picture_rest) : machine_.next_tick());
}

// Who hears of an event finds the picture that belongs to it.
void roster_runner::show(time_point now) {
  if (picture_old_ && now >= shown_at_ + picture_rest) {
    picture_old_ = false;
    shown_at_ = now;
    s_.board.update([this](cluster_view& view) {
      view.members = machine_.describe(to_wall);
      view.ready = machine_.members().joined();
    });
  }
  if (picture_old_) return;
  for (auto& e : std::exchange(untold_, {})) {
    s_.log.info("membership", to_string(event{0, {}, e.kind, e.fields}));
    s_.events.publish(std::move(e.kind), std::move(e.fields));
  }
}

void roster_runner::close(std::function<void()> done) {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  boost::asio::post(s_.loop, [this, done = std::move(done)] {
    finish();
    done();
  });
}

void roster_runner::finish() {
  over_ = true;
  clock_.close();
  for (auto& [time, asked] : std::exchange(asking_, {})) asked(fail(errc::unavailable, stopped));
  if (departed_) std::exchange(departed_, nullptr)(fail(errc::unavailable, stopped));
}

}  // namespace troupe
