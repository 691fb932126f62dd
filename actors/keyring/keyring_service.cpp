#include "actors/keyring/keyring_service.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace troupe {

namespace {

using outcome = keyring_member_result::outcome;

keyring_request::verb verb_of(keyring_verb v) {
  switch (v) {
    case keyring_verb::install: return keyring_request::verb::install;
    case keyring_verb::use: return keyring_request::verb::use;
    case keyring_verb::remove: return keyring_request::verb::remove;
  }
  return keyring_request::verb::list;
}

bool holds(const keyring_answer& a, const std::string& fingerprint) {
  return std::find(a.fingerprints.begin(), a.fingerprints.end(), fingerprint) != a.fingerprints.end();
}

// Why this member cannot do it; empty: it can.
std::string obstacle(const keyring_request& what, const keyring_answer& at) {
  if (what.what == keyring_request::verb::use && !holds(at, what.fingerprint)) {
    return "it does not hold the key: install it first";
  }
  if (what.what == keyring_request::verb::remove && at.fingerprints.front() == what.fingerprint) {
    return "the key is its primary: use another one first";
  }
  return {};
}

outcome outcome_of(const expected<keyring_answer>& a) {
  if (!a) return outcome::not_reached;
  return a->code == errc::ok ? outcome::done : outcome::refused;
}

std::string reason_of(const expected<keyring_answer>& a) {
  if (!a) return describe(a.error());
  return a->code == errc::ok ? std::string() : a->words;
}

}  // namespace

std::string_view name_of(outcome o) noexcept {
  switch (o) {
    case outcome::done: return "done";
    case outcome::refused: return "refused";
    case outcome::not_reached: return "not_reached";
  }
  return "not_reached";
}

bool keyring_result::complete() const noexcept {
  return std::all_of(members.begin(), members.end(), [](const auto& m) { return m.result == outcome::done; });
}

keyring_service::keyring_service(surroundings s) : with_(std::move(s)) {}

keyring_service::~keyring_service() { close(); }

void keyring_service::start() {
  const auto self = weak_from_this();
  with_.link->handle_requests(
      link_request_kind::keyring, [self](const link_request& request, link_responder responder) {
        const auto alive = self.lock();
        if (!alive) return;
        const auto address = request.from.address;
        const auto seal = alive->with_.keeper->seal();
        const auto plain = seal->open(seal_purpose::keyring, address, request.body);
        if (!plain) {
          alive->with_.log.warn("keyring", "keyring_request_dropped",
                                {{"peer", request.from.name}, {"reason", name_of(plain.error())}});
          return responder.answer(fail(errc::access_denied, "a request of the key ring that does not open"));
        }
        const auto what = decode_keyring_request(*plain);
        if (!what) return responder.answer(tl::unexpected(what.error()));
        const auto later = std::make_shared<link_responder>(std::move(responder));
        alive->serve(*what, [later, seal, address](const keyring_answer& a) {
          later->answer(std::string_view(seal->seal(seal_purpose::keyring, address, encode(a))));
        });
      });
  listener_ = with_.events.listen([self](const std::shared_ptr<const event>& e) {
    if (const auto alive = self.lock()) alive->on_event(*e);
  });
}

void keyring_service::close() {
  if (const auto id = std::exchange(listener_, 0)) with_.events.unlisten(id);
}

std::vector<member> keyring_service::live_members() const {
  const auto view = with_.board.read();
  std::vector<member> live;
  for (const auto& m : view->members) {
    if (m.state == member_state::alive || m.state == member_state::suspect) live.push_back(m);
  }
  const auto is_self = [&](const member& m) { return m.id == view->id; };
  if (std::none_of(live.begin(), live.end(), is_self)) {
    member self;
    self.name = view->node;
    self.id = view->id;
    live.push_back(std::move(self));
  }
  return live;
}

void keyring_service::ask(const member& whom, const keyring_request& what, answer_callback done) {
  if (whom.id == with_.board.read()->id) return serve(what, [done](keyring_answer a) { done(std::move(a)); });
  const auto seal = with_.keeper->seal();
  with_.link->request(
      {whom.address, whom.id}, link_request_kind::keyring,
      seal->seal(seal_purpose::keyring, whom.address, encode(what)), std::chrono::steady_clock::now() + member_deadline,
      [seal, address = whom.address, done = std::move(done)](const expected<std::string_view>& reply) {
        if (!reply) return done(tl::unexpected(reply.error()));
        const auto plain = seal->open(seal_purpose::keyring, address, *reply);
        if (!plain)
          return done(fail(errc::corrupt, "its answer does not open: " + std::string(name_of(plain.error()))));
        done(decode_keyring_answer(*plain));
      });
}

// Asks all at once; `done` when each has answered or was not reached.
void keyring_service::ask_all(const std::vector<member>& whom, const keyring_request& what,
                              std::function<void(replies)> done) {
  struct gathering {
    std::mutex mutex;
    std::vector<reply_of> all;
    std::size_t missing = 0;
    std::function<void(replies)> done;
  };
  const auto g = std::make_shared<gathering>();
  g->missing = whom.size();
  g->done = std::move(done);
  for (const auto& m : whom) g->all.push_back({m.name, fail(errc::unavailable)});
  for (std::size_t i = 0; i < whom.size(); ++i) {
    ask(whom[i], what, [g, i](expected<keyring_answer> a) {
      {
        const std::lock_guard lock(g->mutex);
        g->all[i].answer = std::move(a);
        if (--g->missing > 0) return;
      }
      g->done(std::move(g->all));
    });
  }
}

void keyring_service::list(std::function<void(keyring_list)> done) {
  ask_all(live_members(), {},
          [primary = with_.keeper->ring().fingerprints().front(), done = std::move(done)](replies all) {
            keyring_list l;
            l.primary = primary;
            l.members = all.size();
            std::map<std::string, keyring_row> rows;
            for (const auto& r : all) {
              if (!r.answer) {
                l.not_reached.push_back(r.name);
                continue;
              }
              for (const auto& print : r.answer->fingerprints) ++rows[print].held_by;
              ++rows[r.answer->fingerprints.front()].primary_of;
            }
            for (auto& [print, row] : rows) {
              row.fingerprint = print;
              l.keys.insert(print == primary ? l.keys.begin() : l.keys.end(), row);
            }
            done(std::move(l));
          });
}

void keyring_service::change(keyring_verb verb, const std::string& key,
                             std::function<void(expected<keyring_result>)> done) {
  keyring_request what;
  what.what = verb_of(verb);
  const auto given = parse_ring_key(key);
  if (!given && (verb == keyring_verb::install || !is_fingerprint(key))) return done(tl::unexpected(given.error()));
  if (given) what.key = *given;
  what.fingerprint = given ? fingerprint_of(*given) : key;

  const auto whom = live_members();
  ask_all(whom, {}, [self = shared_from_this(), whom, what, done = std::move(done)](replies held) mutable {
    keyring_result result{what.fingerprint, {}};
    const bool all_or_none = what.what != keyring_request::verb::install;
    std::string hindrance;
    std::vector<member> able;
    for (std::size_t i = 0; i < held.size(); ++i) {
      const auto& a = held[i].answer;
      const auto why = a ? obstacle(what, *a) : describe(a.error());
      if (!why.empty()) {
        hindrance = held[i].name + ": " + why;
        result.members.push_back({held[i].name, a ? outcome::refused : outcome::not_reached, why});
        continue;
      }
      what.edition = std::max(what.edition, a->edition + 1);
      able.push_back(whom[i]);
    }
    if (all_or_none && !hindrance.empty()) {
      for (const auto& m : able)
        result.members.push_back({m.name, outcome::refused, "nothing was changed: " + hindrance});
      able.clear();
    }
    if (able.empty()) return done(std::move(result));
    self->ask_all(able, what, [result = std::move(result), done = std::move(done)](const replies& told) mutable {
      for (const auto& r : told) {
        result.members.push_back({r.name, outcome_of(r.answer), reason_of(r.answer)});
      }
      std::sort(result.members.begin(), result.members.end(),
                [](const auto& a, const auto& b) { return a.name < b.name; });
      done(std::move(result));
    });
  });
}

keyring_answer keyring_service::describe_ring() const {
  const auto ring = with_.keeper->ring();
  keyring_answer a;
  a.edition = ring.edition();
  a.fingerprints = ring.fingerprints();
  return a;
}

void keyring_service::serve(const keyring_request& what, std::function<void(keyring_answer)> done) {
  using verb = keyring_request::verb;
  if (what.what != verb::list && what.what != verb::fetch) return serve_change(what, std::move(done));
  auto a = describe_ring();
  if (what.what == verb::fetch && a.edition > what.edition) {
    auto ring = with_.keeper->ring();
    ring.made_from.clear();
    a.ring = ring.encode();
  }
  done(std::move(a));
}

void keyring_service::serve_change(const keyring_request& what, std::function<void(keyring_answer)> done) {
  const auto alter = [&what](key_ring& ring) -> expected<void> {
    expected<void> altered;
    switch (what.what) {
      case keyring_request::verb::install: altered = ring.install(what.key); break;
      case keyring_request::verb::use: altered = ring.use(what.fingerprint); break;
      case keyring_request::verb::remove: altered = ring.remove(what.fingerprint); break;
      default: return {};
    }
    if (altered) ring.set_edition(std::max(ring.edition(), what.edition));
    return altered;
  };
  with_.keeper->change(alter, with_.disk, [self = shared_from_this(), done = std::move(done)](expected<void> changed) {
    auto a = self->describe_ring();
    if (!changed) {
      a.code = changed.error().code;
      a.words = describe(changed.error());
      self->with_.log.warn("keyring", "keyring_change_refused", {{"reason", a.words}});
    } else {
      self->with_.log.info(
          "keyring", "keyring_changed",
          {{"primary", a.fingerprints.front()}, {"keys", a.fingerprints.size()}, {"edition", a.edition}});
      self->with_.events.publish("keyring_changed", {{"primary", a.fingerprints.front()},
                                                     {"keys", std::to_string(a.fingerprints.size())},
                                                     {"edition", std::to_string(a.edition)}});
    }
    done(std::move(a));
  });
}

// Whoever joins, or comes back from behind a split, may have missed changes.
void keyring_service::on_event(const event& e) {
  if (e.kind != "joined" && e.kind != "member_alive") return;
  const auto now = std::chrono::steady_clock::now();
  {
    const std::lock_guard lock(mutex_);
    if (fetched_ != time_point{} && now - fetched_ < fetch_pause) return;
    fetched_ = now;
  }
  fetch(fetch_tries);
}

void keyring_service::fetch(int tries_left) {
  auto others = live_members();
  const auto self_id = with_.board.read()->id;
  std::erase_if(others, [&](const member& m) { return m.id == self_id; });
  if (others.empty() || tries_left == 0) return;
  const auto& whom = others[static_cast<std::size_t>(self_id.low + static_cast<unsigned>(tries_left)) % others.size()];
  keyring_request what;
  what.what = keyring_request::verb::fetch;
  what.edition = with_.keeper->ring().edition();
  ask(whom, what, [self = weak_from_this(), tries_left, name = whom.name](const expected<keyring_answer>& a) {
    const auto alive = self.lock();
    if (!alive) return;
    if (!a) return alive->fetch(tries_left - 1);
    if (!a->ring.empty()) alive->take_over(name, a->ring);
  });
}

void keyring_service::take_over(const std::string& from, const std::string& ring_text) {
  const auto theirs = key_ring::decode(ring_text);
  if (!theirs) {
    with_.log.warn("keyring", "keyring_damaged", {{"from", from}, {"reason", theirs.error().context}});
    return;
  }
  const auto alter = [&theirs](key_ring& ring) -> expected<void> {
    if (theirs->edition() <= ring.edition()) return {};
    auto made_from = ring.made_from;
    ring = *theirs;
    ring.made_from = std::move(made_from);
    return {};
  };
  with_.keeper->change(alter, with_.disk, [self = shared_from_this(), from](const expected<void>& changed) {
    const auto ring = self->with_.keeper->ring();
    if (!changed) {
      self->with_.log.warn("keyring", "keyring_change_refused", {{"reason", describe(changed.error())}});
      return;
    }
    self->with_.log.info("keyring", "keyring_taken_over",
                         {{"from", from}, {"primary", ring.fingerprints().front()}, {"edition", ring.edition()}});
  });
}

}  // namespace troupe
