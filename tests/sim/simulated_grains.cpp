#include "tests/sim/simulated_grains.hpp"

#include <algorithm>
#include <array>

#include "runtime/link/wire_bytes.hpp"

namespace troupe::sim {

namespace {

using std::chrono::milliseconds;

}  // namespace

// --- what the run knows

void grain_truth::handled(std::uint32_t grain, std::uint64_t activation, std::uint64_t message) {
  ++count.handled;
  if (over_.contains(activation)) fault_ = "grain " + std::to_string(grain) + " was served by one that had a successor";
  auto& latest = latest_[grain];
  if (latest != activation && latest != 0) over_.insert(latest);
  latest = activation;
  const auto [end, first] = ends_.emplace(message, true);
  if (!first) fault_ = std::string("a message was handled after it was ") + (end->second ? "handled" : "refused");
}

void grain_truth::refused(std::uint64_t message) {
  const auto [end, first] = ends_.emplace(message, false);
  if (!first) fault_ = std::string("a message was refused after it was ") + (end->second ? "handled" : "refused");
}

// --- a node

simulated_grains::simulated_grains(simulated_stores& stores, std::uint32_t shards, grain_truth& truth, random rng)
    : stores_(stores), shards_(shards), truth_(truth), rng_(rng), tenures_(shards) {
  for (std::uint32_t s = 0; s < shards; ++s) machines_.push_back(std::make_unique<grain_shard>(ledger_));
  stores_.work.calm = [this](std::uint32_t shard) {
    grain_output out;
    const bool calm = machines_[shard]->calm(out);
    carry_out(out, now_);
    return calm;
  };
  stores_.work.stir = [this](std::uint32_t shard) {
    grain_output out;
    machines_[shard]->stir(out);
    carry_out(out, now_);
  };
}

void simulated_grains::follow(const shard_table& t, std::uint64_t my_pid, time_point now) {
  now_ = now;
  const bool newer = t.stamp != followed_;
  followed_ = t.stamp;
  for (std::uint32_t s = 0; s < shards_ && s < t.rows.size(); ++s) {
    const auto& held = stores_.at(s);
    auto& [tenure, creation] = tenures_[s];
    const auto before = tenure;
    if (!held.is_primary())
      tenure = 0;
    else if (tenure == 0 || creation != held.created())
      tenure = ++last_tenure_;
    creation = held.created();
    if (tenure == before && !newer) continue;
    grain_output out;
    machines_[s]->on_row(t.rows[s].primary == my_pid ? 0 : t.rows[s].primary, tenure, t.stamp, out);
    carry_out(out, now);
  }
}

void simulated_grains::ask(std::uint32_t grain, time_point now, answer done) {
  now_ = now;
  auto m = std::make_unique<letter>();
  m->message = truth_.new_message();
  m->grain = grain;
  m->token = ++last_token_;
  m->bytes = 10;
  pending_[m->token] = {0, 0, 0, now + patience, std::move(done)};
  route(std::move(m), now);
}

void simulated_grains::route(letter_ptr m, time_point now) {
  auto& machine = *machines_[shard_of(m->grain)];
  const auto key = key_of(m->grain);
  const grain_shard::call c{key, m->hops, m->known, m->until};
  const auto grain = m->grain;
  const auto v = machine.on_message(c, leased(now), now, [&m]() -> held_message_ptr { return std::move(m); });
  switch (v.what) {
    case grain_shard::fate::deliver: static_cast<activation&>(*v.to).mailbox.push_back(std::move(m)); break;
    case grain_shard::fate::start:
      beginnings_.push_back({grain, v.number, rng_.below(3) == 0 ? now + some_time(milliseconds(20)) : now});
      break;
    case grain_shard::fate::hold:
      ++truth_.count.held;
      held_at_ = std::min(held_at_, now + held_tick);
      break;
    case grain_shard::fate::forward: {
      ++truth_.count.forwarded;
      std::uint64_t token = m->token;
      if (m->from != 0) token = ++last_token_;
      auto& w = pending_[token];
      w.peer = v.owner;
      if (m->from != 0) {
        w.from = m->from;
        w.token = m->token;
        w.until = now + patience;
      }
      const auto known = machine.table();
      send(v.owner, request_tag, {token, m->message, m->grain, m->hops + 1, known.term, known.epoch});
      break;
    }
    case grain_shard::fate::prepare:
    case grain_shard::fate::refuse: end(std::move(m), false); break;
  }
}

void simulated_grains::carry_out(grain_output& out, time_point now) {
  for (auto& a : out.rest) static_cast<activation&>(*a).resting = true;
  for (auto& a : out.cut) {
    auto& each = static_cast<activation&>(*a);
    each.gone = true;
    ++truth_.count.cut;
    for (auto& m : std::exchange(each.mailbox, {})) route(std::move(m), now);
  }
  for (auto& r : out.refused) end(letter_ptr(static_cast<letter*>(r.message.release())), false);
  for (auto& m : out.again) route(letter_ptr(static_cast<letter*>(m.release())), now);
}

void simulated_grains::start(const beginning& b, time_point now) {
  auto& machine = *machines_[shard_of(b.grain)];
  const auto a = std::make_shared<activation>();
  a->name = truth_.begin();
  a->number = b.number;
  a->grain = b.grain;
  a->tenure = tenures_[shard_of(b.grain)].first;
  a->used = now.time_since_epoch().count();
  a->busy_until = now + some_time(milliseconds(30));
  const auto key = key_of(b.grain);
  if (!machine.started(key, b.number, a, rng_.below(2) == 0 ? milliseconds(300) : milliseconds(3000))) return;
  activations_.push_back(a);
  grain_output out;
  for (auto some = machine.take_held(key, b.number, out); !some.empty(); some = machine.take_held(key, b.number, out)) {
    for (auto& m : some) a->mailbox.emplace_back(static_cast<letter*>(m.release()));
  }
  carry_out(out, now);
}

// As shard_tenures: nothing is handled after the tenure, or without the lease.
void simulated_grains::work(activation& a, time_point now) {
  if (a.gone || now < a.busy_until) return;
  const auto shard = shard_of(a.grain);
  if (!a.mailbox.empty()) {
    if (a.tenure != tenures_[shard].first || !leased(now)) return lapse(a, now);
    auto m = std::move(a.mailbox.front());
    a.mailbox.pop_front();
    a.waiting.fetch_sub(1);
    a.used = now.time_since_epoch().count();
    a.busy_until = now + some_time(milliseconds(3));
    truth_.handled(a.grain, a.name, m->message);
    return end(std::move(m), true);
  }
  if (!a.resting) return;
  if (a.used != 0) {  // once: it saves what it has
    a.used = 0;
    a.busy_until = now + (rng_.below(20) == 0 ? duration(std::chrono::seconds(3)) : some_time(milliseconds(50)));
    return;
  }
  a.gone = true;
  ++truth_.count.rested;
  grain_output out;
  machines_[shard]->on_ended(key_of(a.grain), a.number, out);
  carry_out(out, now);
}

void simulated_grains::lapse(activation& a, time_point now) {
  a.gone = true;
  grain_output out;
  machines_[shard_of(a.grain)]->on_lapsed(key_of(a.grain), a.number, out);
  for (auto& m : std::exchange(a.mailbox, {})) route(std::move(m), now);
  carry_out(out, now);
}

void simulated_grains::end(letter_ptr m, bool ok) {
  if (!ok) truth_.refused(m->message);
  reply(m->from, m->token, ok);
}

void simulated_grains::reply(std::uint64_t from, std::uint64_t token, bool ok) {
  if (from != 0) return send(from, reply_tag, {token, ok ? 1U : 0U});
  const auto found = pending_.find(token);
  if (found == pending_.end()) return;
  const auto w = std::move(found->second);
  pending_.erase(found);
  if (w.from != 0) return reply(w.from, w.token, ok);
  if (w.done) w.done(ok);
}

void simulated_grains::on_lost(std::uint64_t pid) {
  std::vector<std::uint64_t> lost;
  for (const auto& [token, w] : pending_) {
    if (w.peer == pid) lost.push_back(token);
  }
  for (const auto token : lost) reply(0, token, false);
}

void simulated_grains::send(std::uint64_t to, char tag, std::initializer_list<std::uint64_t> numbers) {
  std::string bytes(1, tag);
  for (const auto n : numbers) append_le(bytes, n);
  out_.emplace_back(to, std::move(bytes));
}

void simulated_grains::on_message(std::uint64_t from, std::string_view bytes, time_point now) {
  now_ = now;
  const char tag = bytes.front();
  wire_reader in(bytes.substr(1));
  if (tag == reply_tag) {
    const auto token = in.take<std::uint64_t>();
    const auto found = pending_.find(token);
    if (found != pending_.end() && found->second.peer == from) reply(0, token, in.take<std::uint64_t>() == 1);
    return;
  }
  if (from == 0) return;  // its PID is not known here yet
  auto m = std::make_unique<letter>();
  m->from = from;
  m->token = in.take<std::uint64_t>();
  m->message = in.take<std::uint64_t>();
  m->grain = static_cast<std::uint32_t>(in.take<std::uint64_t>());
  m->hops = static_cast<std::uint32_t>(in.take<std::uint64_t>());
  m->known.term = in.take<std::uint64_t>();
  m->known.epoch = in.take<std::uint64_t>();
  m->bytes = 10;
  if (in.good() && m->grain < simulated_grains_total) route(std::move(m), now);
}

void simulated_grains::on_tick(time_point now) {
  now_ = now;
  for (auto begun = std::exchange(beginnings_, {}); const auto& b : begun) {
    if (b.at <= now)
      start(b, now);
    else
      beginnings_.push_back(b);
  }
  for (std::size_t i = 0; i < activations_.size(); ++i) {
    const auto a = activations_[i];  // the list may grow
    work(*a, now);
  }
  std::erase_if(activations_, [](const auto& a) { return a->gone; });
  if (now >= sweep_at_) {
    sweep_at_ = now + sweep_interval;
    for (auto& machine : machines_) {
      grain_output out;
      machine->sweep(now, out);
      carry_out(out, now);
    }
    std::vector<std::uint64_t> late;
    for (const auto& [token, w] : pending_) {
      if (w.peer != 0 && now >= w.until) late.push_back(token);
    }
    for (const auto token : late) reply(0, token, false);
  }
  if (now >= held_at_) {
    held_at_ = time_point::max();
    for (auto& machine : machines_) {
      grain_output out;
      machine->on_tick(leased(now), now, out);
      carry_out(out, now);
    }
    if (ledger_.held() > 0) held_at_ = std::min(held_at_, now + held_tick);
  }
}

time_point simulated_grains::next_tick() const {
  auto next = std::min(sweep_at_, held_at_);
  for (const auto& b : beginnings_) next = std::min(next, b.at);
  for (const auto& a : activations_) {
    if (!a->mailbox.empty() || a->resting || a->gone) next = std::min(next, a->busy_until);
  }
  return next;
}

std::uint64_t simulated_grains::serves(time_point now) const {
  std::uint64_t all = 0;
  if (!leased(now)) return all;
  for (const auto& a : activations_) {
    if (!a->gone && a->tenure == tenures_[shard_of(a->grain)].first) all |= std::uint64_t{1} << a->grain;
  }
  return all;
}

}  // namespace troupe::sim
