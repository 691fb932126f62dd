#include "runtime/membership/talk.hpp"

#include <algorithm>
#include <utility>

namespace troupe::membership {

talk::talk(std::string name, const incarnation_id& id, std::string version, random rng)
    : name_(std::move(name)), id_(id), version_(std::move(version)), coordinates_(rng) {}

expected<std::uint64_t> talk::raise(std::string name, std::string payload, time_point now) {
  now_ = now;
  announcement a;
  a.name = std::move(name);
  a.payload = std::move(payload);
  const auto id = announcements_.say(std::move(a), name_, id_, now);
  if (!id) return tl::unexpected(id.error());
  fresh_ = true;
  for (auto& ready : announcements_.take_ready()) output_.events.push_back(std::move(ready));
  return id->time;
}

expected<std::uint64_t> talk::ask(query q, std::set<std::string> asked, const record& self, time_point now) {
  now_ = now;
  if (asking_.size() >= asking_max) {
    ++counters_.queries_refused;
    return fail(errc::unavailable, std::to_string(asking_max) + " queries of this member are under way");
  }
  announcement a;
  a.kind = announcement_kind::query;
  a.name = std::move(q.name);
  a.payload = std::move(q.payload);
  a.tags = std::move(q.tags);
  a.service = std::move(q.service);
  a.timeout = q.timeout;
  if (is_asked(a, self)) asked.insert(name_);
  const auto id = announcements_.say(std::move(a), name_, id_, now);
  if (!id) return tl::unexpected(id.error());
  fresh_ = true;
  const bool nobody = asked.empty();
  asking_[id->time] = {now, now + q.timeout, std::move(asked), {}, {}};
  settle(self, now);
  if (nobody) finish(id->time);
  return id->time;
}

/// What became ready for delivery.
void talk::settle(const record& self, time_point now) {
  for (auto& a : announcements_.take_ready()) {
    if (a.kind == announcement_kind::event) {
      output_.events.push_back(std::move(a));
    } else if (is_asked(a, self)) {
      on_query(std::move(a), self, now);
    }
  }
}

void talk::on_query(announcement a, const record& self, time_point now) {
  if (a.name == query_ping) return reply(a.origin, a.id, self.name, now);
  if (a.name == query_version) return reply(a.origin, a.id, version_, now);
  if (answering_.size() >= answering_max) {
    ++counters_.queries_refused;
    return reply(a.origin, a.id, std::nullopt, now);
  }
  answering_[a.id] = {a.origin, now + a.timeout};
  output_.asked.push_back({a.id, std::move(a.origin), std::move(a.name), std::move(a.payload)});
}

void talk::answer(const announcement_id& id, std::optional<std::string> payload, time_point now) {
  now_ = now;
  const auto at = answering_.find(id);
  if (at == answering_.end()) return;
  const std::string asker = std::move(at->second.asker);
  answering_.erase(at);
  reply(asker, id, std::move(payload), now);
}

/// Over the link, where it cannot be lost alone.
void talk::reply(const std::string& asker, const announcement_id& id, std::optional<std::string> payload,
                 time_point now) {
  const bool handled = payload.has_value();
  std::string text = std::move(payload).value_or(std::string());
  if (text.size() > answer_bytes_max) text.resize(answer_bytes_max);
  if (handled) ++counters_.queries_answered;
  if (id.origin == id_) return on_reply(id.time, name_, handled, std::move(text), now);
  talk_bundle b;
  b.reply = query_reply{id.time, handled, std::move(text)};
  packets_.push_back({{}, asker, id.origin, channel::stream, encode_talk(b)});
}

void talk::on_reply(std::uint64_t time, const std::string& from, bool handled, std::string payload, time_point now) {
  const auto at = asking_.find(time);
  if (at == asking_.end() || at->second.heard.size() >= members_max || !at->second.heard.insert(from).second) {
    ++counters_.answers_stray;
    return;
  }
  auto& q = at->second;
  ++counters_.answers_in;
  q.waits_for.erase(from);
  if (handled) {
    q.result.answers.push_back({from, std::move(payload), now - q.began});
  } else {
    q.result.unhandled.push_back(from);
  }
  if (q.waits_for.empty()) finish(time);
}

void talk::finish(std::uint64_t time) {
  const auto at = asking_.find(time);
  if (at == asking_.end()) return;
  auto& q = at->second;
  q.result.silent.assign(q.waits_for.begin(), q.waits_for.end());
  output_.finished.push_back({time, std::move(q.result)});
  asking_.erase(at);
}

expected<duration> talk::round_trip(std::string_view a, std::string_view b) const {
  const auto place = [this](std::string_view name) {
    return name == name_ ? &coordinates_.own() : coordinates_.find(name);
  };
  const auto* from = place(a);
  const auto* to = place(b);
  if (from == nullptr || to == nullptr || coordinates_.counts().samples == 0) {
    const std::string who(from == nullptr ? a : b);
    return fail(errc::not_found, "where '" + who + "' is has not been measured here yet");
  }
  return a == b ? duration::zero() : round_trip_between(*from, *to);
}

void talk::on_tick(time_point now) {
  now_ = now;
  announcements_.on_tick(now);
  for (auto& ready : announcements_.take_ready()) output_.events.push_back(std::move(ready));  // no query waits
  std::vector<std::uint64_t> over;
  for (const auto& [time, q] : asking_) {
    if (now >= q.until) over.push_back(time);
  }
  for (const auto time : over) finish(time);
  std::erase_if(answering_, [now](const auto& a) { return now >= a.second.until; });
}

time_point talk::next_tick() const {
  time_point next = announcements_.next_tick();
  for (const auto& [time, q] : asking_) next = std::min(next, q.until);
  for (const auto& [id, a] : answering_) next = std::min(next, a.until);
  return next;
}

talk_output talk::take_output() { return std::exchange(output_, {}); }

std::string talk::comparison_bytes(std::size_t room, bool reply, time_point now) {
  talk_bundle b;
  b.compared = comparison{announcements_.floor(), announcements_.window(now), reply};
  auto& known = b.compared->known;
  for (;;) {
    std::string bytes = encode_talk(b);
    if (bytes.size() <= room) return bytes;
    if (known.empty()) return {};
    // The older half is left out: it is compared when there is more room.
    known.erase(known.begin(), known.begin() + static_cast<std::ptrdiff_t>((known.size() + 1) / 2));
  }
}

std::string talk::board(packet_kind kind, std::size_t room, std::uint32_t sendings_max) {
  std::string bytes;
  talk_bundle own;
  if (kind == packet_kind::state) {
    own.clock = announcements_.clock() + 1;
    bytes = encode_talk(own);
    return bytes.size() <= room ? bytes : std::string();
  }
  if (kind == packet_kind::state_hash) bytes = comparison_bytes(room, false, now_);
  if (kind == packet_kind::ack) {
    own.place = coordinates_.own();
    bytes = encode_talk(own);
    if (bytes.size() > room) bytes.clear();
  }
  if (announcements_.waits()) {
    announcements_.offer(
        sendings_max, [&bytes, room](const std::string& encoded) { return append_announcement(bytes, encoded, room); });
  }
  return bytes;
}

void talk::alight(const ride& r, time_point now) {
  now_ = now;
  auto b = decode_talk(r.said.talk);
  if (!b) {
    ++counters_.malformed;
    return;
  }
  if (r.newcomer && b->clock > 0) announcements_.join_at(b->clock - 1);
  for (auto& a : b->heard) fresh_ = announcements_.hear(std::move(a), now) || fresh_;
  settle(r.self, now);
  if (b->reply) on_reply(b->reply->time, r.said.from, b->reply->handled, std::move(b->reply->payload), now);
  if (r.round_trip && b->place) (void)coordinates_.on_sample(r.said.from, *b->place, *r.round_trip);
  if (b->compared) compare(*b->compared, r, now);
}

/// Sends what the other one lacks, and asks for what is lacking here.
void talk::compare(const comparison& c, const ride& r, time_point now) {
  std::string bytes;
  const auto flush = [&] {
    if (bytes.empty()) return;
    packets_.push_back({std::string(r.from_address), r.said.from, {}, channel::datagram, std::move(bytes)});
    bytes.clear();
  };
  for (const auto& encoded : announcements_.missing_at(c.known, c.floor)) {
    if (append_announcement(bytes, encoded, talk_bytes_max)) continue;
    flush();
    (void)append_announcement(bytes, encoded, talk_bytes_max);
  }
  flush();
  if (c.reply || !announcements_.lacks(c.known)) return;
  bytes = comparison_bytes(talk_bytes_max, true, now);
  flush();
}

}  // namespace troupe::membership
