#include "runtime/membership/roster.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace troupe::membership {

expected<roster> roster::make(const local_member& self, const settings& s, std::string version, random rng) {
  if (auto sound = check(self); !sound) return tl::unexpected(std::move(sound.error()));
  return roster(self, s, std::move(version), rng);
}

roster::roster(const local_member& self, const settings& s, std::string version, random rng)
    : talk_(std::make_unique<talk>(self.name, self.id, std::move(version), rng.fork())),
      members_(std::make_unique<swim>(self, s, rng.fork())) {
  members_->set_rider(talk_.get());
}

void roster::on_start(std::vector<std::string> seeds, bool more_may_come, time_point now, roster_output& out) {
  started_ = now;
  members_->join(std::move(seeds), now, m_, more_may_come);
  out.picture_changed = true;
  settle(now, out);
}

void roster::on_packet(std::string_view from_address, channel how, std::string_view bytes, time_point now,
                       roster_output& out) {
  members_->on_packet(from_address, how, bytes, now, m_);
  settle(now, out);
}

void roster::on_link_lost(std::string_view peer, link_loss how, time_point now, roster_output& out) {
  members_->on_link_lost(peer, how, now, m_);
  settle(now, out);
}

void roster::on_link_refused(std::string_view address, time_point now, roster_output& out) {
  members_->on_link_refused(address, now, m_);
  settle(now, out);
}

void roster::on_seeds(std::vector<std::string> seeds, bool complete, time_point now, roster_output& out) {
  members_->set_seeds(std::move(seeds), complete, now, m_);
  settle(now, out);
}

void roster::on_tick(time_point now, roster_output& out) {
  members_->on_tick(now, m_);
  talk_->on_tick(now);
  settle(now, out);
}

time_point roster::next_tick() const { return std::min(members_->next_tick(), talk_->next_tick()); }

void roster::leave(time_point now, roster_output& out) {
  leaving_ = true;
  if (expelled_ || members_->has_left()) out.departed = true;
  members_->leave(now, m_);
  settle(now, out);
}

expected<std::uint64_t> roster::raise_event(std::string name, std::string payload, time_point now, roster_output& out) {
  auto said = talk_->raise(std::move(name), std::move(payload), now);
  settle(now, out);
  return said;
}

expected<std::uint64_t> roster::ask(query q, time_point now, roster_output& out) {
  announcement probe;
  probe.tags = q.tags;
  probe.service = q.service;
  std::set<std::string> asked;
  for (const auto& [name, r] : members_->others()) {
    if (is_asked(probe, r)) asked.insert(name);
  }
  auto said = talk_->ask(std::move(q), std::move(asked), members_->self(), now);
  settle(now, out);
  return said;
}

void roster::answer_query(const announcement_id& id, std::optional<std::string> payload, time_point now,
                          roster_output& out) {
  talk_->answer(id, std::move(payload), now);
  settle(now, out);
}

expected<std::map<std::string, std::string>> roster::change_tags(const tag_change& change, time_point now,
                                                                 roster_output& out) {
  auto told = members_->self().told;
  auto tags = changed(std::move(told.tags), change);
  if (!tags) return tags;
  told.tags = *tags;
  if (auto done = members_->set_local(std::move(told), now, m_); !done) return tl::unexpected(std::move(done.error()));
  settle(now, out);
  return tags;
}

expected<void> roster::force_leave(std::string_view name, time_point now, roster_output& out) {
  auto asked = members_->force_leave(name, now, m_);
  settle(now, out);
  return asked;
}

expected<duration> roster::round_trip(std::string_view a, std::string_view b) const {
  for (const auto name : {a, b}) {
    const auto* r = members_->find(name);
    const bool there = r != nullptr && is_live(r->state);
    if (!there) return fail(errc::not_found, "no live member '" + std::string(name) + "'");
  }
  return talk_->round_trip(a, b);
}

std::vector<member> roster::describe(wall_time (*wall)(time_point)) const {
  std::vector<member> all{shown(members_->self(), wall(started_))};
  for (const auto& [name, r] : members_->others()) all.push_back(shown(r, wall(r.since)));
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return all;
}

void roster::settle(time_point now, roster_output& out) {
  members_->carry_rides(now, m_);
  for (const auto& e : std::exchange(m_.events, {})) on_event(e, out);
  auto said = talk_->take_output();
  for (auto& e : said.events) out.events.push_back({"user_event", fields_of(std::move(e))});
  std::move(said.asked.begin(), said.asked.end(), std::back_inserter(out.asked));
  std::move(said.finished.begin(), said.finished.end(), std::back_inserter(out.finished));
  std::move(m_.packets.begin(), m_.packets.end(), std::back_inserter(out.packets));
  m_.packets.clear();
  if (std::exchange(join_attempts_, members_->counts().join_attempts) != members_->counts().join_attempts)
    out.seeds_wanted = true;
  if (std::exchange(pictured_, members_->version()) != members_->version()) out.picture_changed = true;
}

// A change of tags or the like is seen in the picture, and is told as well: there is nobody else here to look.
void roster::on_event(const event& e, roster_output& out) {
  if (e.kind == event_kind::digest_changed) return;
  if (e.kind == event_kind::left) out.departed = true;
  if (e.kind == event_kind::expelled) {
    expelled_ = true;
    out.departed = out.departed || leaving_;
  }
  if (e.kind == event_kind::member_failed) out.failed.push_back(e.id);
  out.events.push_back({std::string(name_of(e.kind)), fields_of(e)});
}

}  // namespace troupe::membership
