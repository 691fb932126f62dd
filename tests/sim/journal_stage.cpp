#include "tests/sim/journal_stage.hpp"

#include <algorithm>
#include <utility>

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

constexpr char asks = 'q';
constexpr char answers = 'a';
constexpr char between = ' ';

/// Does what it is asked, at once, when it is asked.
class database_process final : public process {
 public:
  database_process(journal_stage& stage, outside& out) : stage_(stage), out_(out) {}

  void on_start(time_point) override {}
  void on_packet(node_index from, channel, std::string_view bytes, time_point) override {
    const auto number = std::stoull(std::string(bytes.substr(1)));
    const auto q = stage_.questions.extract(number);
    if (q.empty()) return;
    q.mapped()();
    if (!stage_.database.fault().empty()) stage_.w.fail(stage_.database.fault());
    out_.send(from, channel::stream, answers + std::to_string(number));
  }
  void on_link_lost(node_index, time_point) override {}
  void on_tick(time_point) override {}
  [[nodiscard]] time_point next_tick() const override { return time_point::max(); }
  void leave(time_point) override {}

 private:
  journal_stage& stage_;
  outside& out_;
};

}  // namespace

// --- a state

expected<void> listed_state::restore(const journal_event& snapshot) {
  std::string_view rest = snapshot.bytes;
  while (!rest.empty()) {
    const auto end = rest.find(between);
    events.emplace_back(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  return {};
}

journal_event listed_state::snapshot() const {
  journal_event e{"list", 1, {}};
  for (const auto& text : events) e.bytes += text + between;
  return e;
}

// --- a writer

journal_writer::journal_writer(journal_stage& stage, node_index self, outside& out, random rng)
    : stage_(stage), self_(self), out_(out), rng_(rng), cursor_({.page_events = 7}) {}

template <class T>
void journal_writer::ask(std::function<expected<T>()> work, std::function<void(const expected<T>&, time_point)> done,
                         time_point now) {
  const auto number = ++stage_.last_question;
  const auto result = std::make_shared<expected<T>>(fail(errc::outcome_unknown, "no answer"));
  const bool refuses = rng_.chance(journal_stage::refused);
  stage_.questions[number] = [work = std::move(work), result, refuses] {
    *result = refuses ? expected<T>(fail(errc::unavailable, "the database is busy")) : work();
  };
  questions_[number] = {[result, done = std::move(done)](bool answered, time_point at) {
                          done(answered ? *result : expected<T>(fail(errc::outcome_unknown, "no answer")), at);
                        },
                        now + deadline};
  out_.send(0, channel::stream, asks + std::to_string(number));
}

void journal_writer::on_start(time_point now) {
  for (int i = 0; i < journal_stage::streams; ++i) {
    lives_.push_back(std::make_unique<life>());
    lives_.back()->stream = "s" + std::to_string(i);
    begin(*lives_.back(), now);
  }
  project(now);
}

void journal_writer::on_packet(node_index, channel, std::string_view bytes, time_point now) {
  const auto q = questions_.extract(std::stoull(std::string(bytes.substr(1))));
  if (!q.empty()) q.mapped().done(true, now);
}

time_point journal_writer::next_tick() const {
  auto next = cursor_due_;
  for (const auto& l : lives_) next = std::min(next, l->due);
  for (const auto& [number, q] : questions_) next = std::min(next, q.until);
  return next;
}

void journal_writer::on_tick(time_point now) {
  std::vector<question> over;
  for (auto at = questions_.begin(); at != questions_.end();) {
    if (at->second.until > now) {
      ++at;
      continue;
    }
    over.push_back(std::move(at->second));
    at = questions_.erase(at);
  }
  for (const auto& q : over) q.done(false, now);
  for (const auto& l : lives_) {
    if (l->due > now) continue;
    l->due = time_point::max();
    if (l->machine->next() == persistent_stream::doing::ended) {
      begin(*l, now);
    } else {
      l->machine->on_waited();
      drive(*l, now);
    }
  }
  if (cursor_due_ <= now) {
    cursor_due_ = time_point::max();
    cursor_.on_rested();
    project(now);
  }
}

void journal_writer::begin(life& l, time_point now) {
  ++l.number;
  l.asked = false;
  l.machine = std::make_unique<persistent_stream>(
      persistent_stream_settings{.stream = l.stream, .page_events = 7, .snapshot_every = 20}, l.state);
  l.machine->begin(now);
  drive(l, now);
}

// What the machine wants next, once.
void journal_writer::drive(life& l, time_point now) {
  using doing = persistent_stream::doing;
  const auto next = l.machine->next();
  if (next == doing::ready) check(l);
  if (l.machine->take_snapshot_due()) save(l, now);
  if (next == doing::ended) return on_end(l, now);
  if (next == doing::wait) l.due = now + l.machine->wait();
  if (next == doing::wait || next == doing::ready || std::exchange(l.asked, true)) return;
  const auto its = [this, &l, number = l.number](auto f) {
    return [this, &l, number, f](const auto& answer, time_point at) {
      if (l.number != number) return;
      l.asked = false;
      f(answer, at);
      drive(l, at);
    };
  };
  auto& db = stage_.database;
  if (next == doing::load) {
    ask<stream_start>([&db, s = l.stream] { return db.load(s); },
                      its([&l](const expected<stream_start>& r, time_point at) { l.machine->on_start(r, at); }), now);
  } else if (next == doing::read) {
    ask<std::vector<stored_event>>(
        [&db, s = l.stream, after = l.machine->version(), page = l.machine->page()] { return db.read(s, after, page); },
        its([&l](const expected<std::vector<stored_event>>& r, time_point at) { l.machine->on_page(r, at); }), now);
  } else {
    store(l, now);
  }
}

void journal_writer::store(life& l, time_point now) {
  append_queue::entry e{l.machine->append(), {}, false};
  e.done = [this, &l, number = l.number](const expected<appended>& r) {
    if (l.number == number) on_outcome(l, r, stage_.w.clock_of(self_));
  };
  if (!queue_.add(e)) return stage_.w.fail("the queue is full");
  pump(now);
}

void journal_writer::on_outcome(life& l, const expected<appended>& outcome, time_point now) {
  l.asked = false;
  if (const auto told = l.machine->on_appended(outcome, now)) {
    if (*told) {
      ++stage_.stored;
      for (const auto& text : l.waiting.front()) {
        if (!stage_.database.holds(text)) stage_.w.fail(text + " was told as stored, and is not there");
      }
    } else if (told->error().code == errc::outcome_unknown) {
      ++stage_.unknown;
    } else {
      stage_.conflicts += told->error().code == errc::condition_failed ? 1 : 0;
      stage_.refused_events.insert(l.waiting.front().begin(), l.waiting.front().end());
    }
    l.waiting.erase(l.waiting.begin());
    if (*told) check(l);
  }
  drive(l, now);
}

// Another life comes; what waited behind the last append was never sent.
void journal_writer::on_end(life& l, time_point now) {
  if (l.machine->take_unsettled() != l.waiting.size()) stage_.w.fail("not all that waited is told");
  for (const auto& group : l.waiting) stage_.refused_events.insert(group.begin(), group.end());
  l.waiting.clear();
  stage_.replays += l.machine->was_ready() ? 1 : 0;
  l.due = now + rng_.between(1ms, 1s);
}

void journal_writer::check(const life& l) {
  const auto& all = stage_.database.history(l.stream);
  const auto& mine = l.state.events;
  if (mine.size() != l.machine->version() || mine.size() > all.size() ||
      !std::equal(mine.begin(), mine.end(), all.begin()))
    stage_.w.fail("a state of " + l.stream + " at " + std::to_string(l.machine->version()) +
                  " is not what its events make");
}

void journal_writer::save(life& l, time_point now) {
  auto& db = stage_.database;
  ask<void>(
      [&db, s = l.stream, version = l.machine->version(), e = l.state.snapshot(), also = rng_.chance(0.5)] {
        auto saved = db.save_snapshot(s, version, e);
        return saved && also ? db.truncate(s) : saved;
      },
      [this](const expected<void>& r, time_point) { stage_.snapshots += r ? 1 : 0; }, now);
}

void journal_writer::pump(time_point now) {
  const auto& batch = queue_.next();
  if (batch.empty()) return;
  using outcomes = std::vector<expected<appended>>;
  auto& db = stage_.database;
  ask<outcomes>([&db, batch] { return db.append(batch); },
                [this](const expected<outcomes>& r, time_point at) {
                  const auto all = queue_.on_done(r);
                  for (const auto& told : all) told.done(told.outcome);
                  pump(at);
                },
                now);
}

void journal_writer::project(time_point now) {
  using doing = projection_cursor::doing;
  auto& db = stage_.database;
  const auto then = [this](auto f) {
    return [this, f](const auto& answer, time_point at) {
      f(answer);
      project(at);
    };
  };
  switch (cursor_.next()) {
    case doing::rest: cursor_due_ = now + cursor_.rest(); break;
    case doing::ask:
      ask<std::uint64_t>([&db] { return db.cursor(); },
                         then([this](const expected<std::uint64_t>& r) { cursor_.on_cursor(r); }), now);
      break;
    case doing::read:
      ask<std::vector<stored_event>>(
          [&db, from = cursor_.position(), page = cursor_.page_events()] { return db.read_all(from, page); },
          then([this](const expected<std::vector<stored_event>>& r) { cursor_.on_page(r); }), now);
      break;
    case doing::apply:
      ask<void>([&db, from = cursor_.position(), page = cursor_.page()] { return db.project(from, page); },
                then([this](const expected<void>& r) { cursor_.on_applied(r); }), now);
      break;
  }
}

void journal_writer::act(time_point now) {
  auto& l = *lives_[rng_.below(lives_.size())];
  std::vector<std::string> group(1 + rng_.below(3));
  std::vector<journal_event> events;
  for (auto& text : group) events.push_back({"text", 1, text = "e" + std::to_string(++stage_.last_event)});
  l.waiting.push_back(group);
  if (l.machine->persist(std::move(events), "id of " + group.front(), now)) return drive(l, now);
  l.waiting.pop_back();
  stage_.refused_events.insert(group.begin(), group.end());
}

bool journal_writer::idle() const {
  return queue_.batch().empty() && std::all_of(lives_.begin(), lives_.end(), [](const auto& l) {
           return l->machine->next() == persistent_stream::doing::ready;
         });
}

// --- the stage

journal_stage::journal_stage(world_options options)
    : w(options, [this](node_index n, std::uint32_t, outside& out, random rng) -> std::unique_ptr<process> {
        if (n == 0) return std::make_unique<database_process>(*this, out);
        return std::make_unique<journal_writer>(*this, n, out, rng);
      }) {}

void journal_stage::run_writers(duration pause_max, duration until) {
  w.after(w.rng().between(1ms, pause_max), [this, pause_max, until] {
    if (w.now() > until) return;
    const auto n = static_cast<node_index>(1 + w.rng().below(w.size() - 1));
    w.with_process(n, [](process& p, time_point now) { static_cast<journal_writer&>(p).act(now); });
    run_writers(pause_max, until);
  });
}

bool journal_stage::settled() const {
  for (node_index n = 1; n < w.size(); ++n) {
    const auto* p = w.process_of<journal_writer>(n);
    if (p == nullptr || !p->idle()) return false;
  }
  return database.all_projected();
}

void journal_stage::check_refused() {
  for (const auto& text : refused_events) {
    if (database.holds(text)) w.fail(text + " was told as not stored, and is there");
  }
}

}  // namespace troupe::sim
