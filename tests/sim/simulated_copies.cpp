#include "tests/sim/simulated_copies.hpp"

namespace troupe::sim {

namespace {

constexpr std::size_t number_bytes = 8;
std::string_view the_cache(cache_id) { return "default"; }
std::optional<cache_id> find_cache(std::string_view) { return cache_id{0}; }

}  // namespace

simulated_copies::simulated_copies(simulated_stores& stores, std::uint32_t shards, random rng)
    : stores_(stores),
      shards_(shards),
      source_(shards),
      feed_(shards, rng.next()),
      copy_({bytes_max}, shards, rng.next()) {
  feed_.add(1, {0, {}, change_options::value_bytes_most, true});
}

void simulated_copies::send(std::uint64_t to, char tag, std::uint64_t number, std::string_view bytes) {
  std::string message(1, tag);
  for (unsigned shift = 0; shift < 64; shift += 8) message.push_back(static_cast<char>(number >> shift & 0xff));
  message += bytes;
  out_.emplace_back(to, std::move(message));
}

void simulated_copies::on_message(std::uint64_t from, std::string_view bytes, bool serves, time_point now) {
  if (bytes.size() < 1 + number_bytes) return;
  const char tag = bytes.front();
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < number_bytes; ++i)
    number |= std::uint64_t{static_cast<unsigned char>(bytes[1 + i])} << (8 * i);
  const auto body = bytes.substr(1 + number_bytes);
  if (tag == poll_tag) take_poll(from, body, serves, now);
  if (tag == answer_tag) hear(from, number, body, now);
  if (tag == request_tag) take_request(from, body, serves, now);
  if (tag == page_tag) take_page(number, body, now);
}

void simulated_copies::on_adopted(const shard_table& t, std::uint64_t my_pid, time_point now) {
  my_pid_ = my_pid;
  std::map<std::uint64_t, bool> pids;
  for (const auto& row : t.rows) {
    pids[row.primary];
    for (const auto pid : row.replicas) pids[pid];
  }
  std::vector<std::uint64_t> owners;
  for (const auto& [pid, unused] : pids) owners.push_back(pid);
  feed_.on_owners(owners);
  copy_.on_all_passed(now);
  next_tick_ = now;
}

void simulated_copies::on_tick(bool serves, time_point now) {
  if (now < next_tick_) return;
  next_tick_ = now + tick;
  source_.on_tick(now);
  for (const auto session : source_.due(now)) {
    const auto at = waiting_.find(session);
    if (at == waiting_.end()) continue;
    const auto a = serves ? source_.take(session, now) : change_answer();
    const auto to = at->second;
    waiting_.erase(at);
    const auto bytes = encode_change_answer(a, the_cache);
    if (to == my_pid_)
      hear(to, session, bytes, now);
    else
      send(to, answer_tag, session, bytes);
  }
  pump(now);
}

void simulated_copies::pump(time_point now) {
  for (const auto& o : feed_.on_tick(now)) {
    const auto bytes = encode_change_poll(o.poll, the_cache);
    asked_[o.poll.session] = o.owner;
    send(o.owner, poll_tag, 0, bytes);
  }
  deliver(now);
  for (auto& r : copy_.on_tick(now)) {
    const auto source = feed_.source_of(r.shard);
    if (!source) {
      copy_.on_page(r, std::nullopt, now);
      continue;
    }
    r.session = source->number;
    pages_[r.token] = {source->owner, r};
    send(source->owner, request_tag, 0, encode_copy_request(r, the_cache));
  }
}

void simulated_copies::deliver(time_point now) {
  for (const auto& d : feed_.take_deliveries()) {
    if (d.mark != 0)
      copy_.on_mark(0, d.change.shard, d.mark);
    else if (d.change.kind == change_kind::gap)
      copy_.on_gap(0, d.change.shard);
    else
      copy_.on_change(d.change, 0, d.ttl, now);
  }
}

void simulated_copies::take_poll(std::uint64_t from, std::string_view bytes, bool serves, time_point now) {
  const auto p = decode_change_poll(bytes, find_cache);
  if (!p) return;
  const auto taken = serves ? source_.on_poll(*p, now) : change_source::outcome::refused;
  if (taken == change_source::outcome::refused) {
    const auto none = encode_change_answer({}, the_cache);
    return send(from, answer_tag, p->session, none);
  }
  waiting_[p->session] = from;
  if (taken != change_source::outcome::fresh) return;
  for (std::uint32_t s = 0; s < shards_; ++s) {
    const auto& held = stores_.at(s);
    const auto role = held.role();
    if (role == held_shard::part::primary || role == held_shard::part::released)
      source_.attach(p->session, s, held.epoch(), held.store().version());
  }
}

void simulated_copies::hear(std::uint64_t from, std::uint64_t session, std::string_view bytes, time_point now) {
  asked_.erase(session);
  auto a = decode_change_answer(bytes, find_cache);
  feed_.on_answer(from, session, a ? std::optional(std::move(*a)) : std::nullopt, now);
  deliver(now);
  next_tick_ = now;
}

void simulated_copies::take_request(std::uint64_t from, std::string_view bytes, bool serves, time_point now) {
  const auto r = decode_copy_request(bytes, find_cache);
  if (!r || r->shard >= shards_) return;
  auto& held = stores_.at(r->shard);
  if (!serves || !held.is_primary() || held.stream().recovering()) return send(from, page_tag, r->token, {});
  copy_reading reading(*r);
  while (reading.step(held.store(), now)) {
  }
  if (reading.ended()) {
    const auto& stream = held.stream();
    source_.mark(r->session, 0, r->shard, r->token, stream.committed() == stream.sequence() ? 0 : stream.sequence());
  }
  send(from, page_tag, r->token, encode_copy_page(reading.page()));
}

void simulated_copies::take_page(std::uint64_t token, std::string_view bytes, time_point now) {
  const auto at = pages_.find(token);
  if (at == pages_.end()) return;
  const auto of = at->second.second;
  pages_.erase(at);
  const auto page = decode_copy_page(bytes);
  copy_.on_page(of, page ? std::optional(*page) : std::nullopt, now);
  next_tick_ = now;
}

void simulated_copies::on_lost(std::uint64_t pid, time_point now) {
  for (auto at = asked_.begin(); at != asked_.end();) {
    const auto here = at++;
    if (here->second != pid) continue;
    const auto session = here->first;
    asked_.erase(here);
    feed_.on_answer(pid, session, std::nullopt, now);
  }
  for (auto at = pages_.begin(); at != pages_.end();) {
    const auto here = at++;
    if (here->second.first != pid) continue;
    const auto of = here->second.second;
    pages_.erase(here);
    copy_.on_page(of, std::nullopt, now);
  }
  deliver(now);
}

}  // namespace troupe::sim
