#include "tests/sim/topics_stage.hpp"

#include <algorithm>
#include <tuple>

namespace troupe::sim {
namespace {

constexpr char asks = 'q';
constexpr char answers = 'a';
constexpr std::size_t subscriptions_of_a_node = 5;
constexpr std::size_t id_digits = 32;  // of an incarnation, as text

std::string name_of(const incarnation_id& id) { return std::to_string(id.low); }

/// publisher/number
std::string text_of(const incarnation_id& publisher, std::uint64_t number) {
  return name_of(publisher) + "/" + std::to_string(number);
}

std::string publisher_of(const std::string& text) { return text.substr(0, text.find('/')); }

std::uint64_t number_of(const std::string& text) { return std::stoull(text.substr(text.find('/') + 1)); }

/// How many listen at which node to which topic, or group of it. Their sum over the nodes would not do: with one
/// subscriber taken for a member of a group, or one of this node for one of that, the sum is right, and a message goes
/// to where nobody listens.
using audience = std::map<std::tuple<incarnation_id, pubsub::topic_kind, std::string>, std::uint64_t>;

void add_subscribers(const topics_process& p, audience& to) {
  using pubsub::topic_kind;
  for (const auto& [id, s] : p.subscriptions()) {
    if (s.group.empty())
      ++to[{p.id(), topic_kind::channel, s.topic}];
    else
      ++to[{p.id(), topic_kind::group, s.topic + '\0' + s.group}];
  }
}

audience known_to(const topics_process& p) {
  audience known;
  for (const auto kind : {pubsub::topic_kind::channel, pubsub::topic_kind::group}) {
    p.machine().interest().each(kind, {}, [&](const incarnation_id& node, std::string_view name, std::uint64_t count) {
      known[{node.empty() ? p.id() : node, kind, std::string(name)}] = count;
    });
  }
  return known;
}

}  // namespace

// --- a process

topics_process::topics_process(topics_stage& stage, node_index self, outside& out, random rng)
    : stage_(stage),
      self_(self),
      out_(out),
      rng_(rng),
      id_{rng_.next() | 1U, rng_.next()},
      machine_(id_, rng_.fork()) {}

void topics_process::look(time_point now) {
  look_at_ = now + look_interval;
  for (node_index n = 0; n < stage_.w.size(); ++n) {
    if (n == self_) continue;
    const auto* there = stage_.at(n);
    const auto seen = members_.find(n);
    const auto is = there == nullptr ? incarnation_id{} : there->id();
    const auto believed = seen == members_.end() ? incarnation_id{} : seen->second;
    if (is != believed && rng_.chance(stage_.setup.noticed)) {
      if (is.empty())
        members_.erase(n);
      else
        members_[n] = is;
    } else if (rng_.chance(stage_.setup.false_alarms)) {
      members_.erase(n);
    }
  }
  std::set<incarnation_id> others;
  for (const auto& [n, id] : members_) others.insert(id);
  machine_.set_members(others, now);
  run(now);
}

time_point topics_process::next_tick() const {
  auto next = std::min(look_at_, machine_.next_due());
  for (const auto& [number, q] : questions_) next = std::min(next, q.until);
  return next;
}

void topics_process::on_tick(time_point now) {
  if (now >= look_at_) look(now);
  for (auto at = questions_.begin(); at != questions_.end();) {
    if (at->second.until > now) {
      ++at;
      continue;
    }
    topics_machine::deliveries out;
    const auto q = at->second;
    at = questions_.erase(at);
    machine_.on_answer(q.of, topic_outcome::silence, nullptr, now, out);
    take(out);
  }
  run(now);
  if (machine_.next_due() <= now) stage_.w.fail("node " + std::to_string(self_) + ": a tick that leads nowhere");
}

void topics_process::run(time_point now) {
  for (const auto& o : machine_.due(now)) {
    const auto number = ++last_question_;
    questions_[number] = {o.id, now + answer_max};
    for (const auto& [n, id] : members_) {
      if (id == o.id.to) send(asks, number, n, id, &o.packet);
    }
  }
}

// As the link: a packet is from one incarnation to another, and reaches no other.
void topics_process::send(char kind, std::uint64_t number, node_index to, const incarnation_id& whom,
                          const topic_packet* p) {
  std::string bytes = kind + std::to_string(number) + ":";
  for (const auto& id : {id_, whom}) bytes += to_string(id);
  if (p != nullptr) bytes += encode(*p);
  const bool interest =
      p != nullptr && (p->part == topic_packet::kind::interest || p->part == topic_packet::kind::interest_answer);
  out_.send(to, interest ? channel::stream : stage_.setup.how, std::move(bytes));
}

void topics_process::on_packet(node_index from, channel, std::string_view bytes, time_point now) {
  const auto colon = bytes.find(':');
  const auto number = std::stoull(std::string(bytes.substr(1, colon - 1)));
  const auto sender = parse_incarnation_id(bytes.substr(colon + 1, id_digits));
  const auto whom = parse_incarnation_id(bytes.substr(colon + 1 + id_digits, id_digits));
  if (whom != id_) return;
  const auto body = bytes.substr(colon + 1 + 2 * id_digits);
  std::optional<topic_packet> p;
  if (!body.empty()) {
    auto read = decode_topic_packet(body);
    if (!read) return stage_.w.fail("node " + std::to_string(self_) + ": " + describe(read.error()));
    p = std::move(*read);
  }
  topics_machine::deliveries out;
  if (bytes.front() == asks) {
    const auto answer = machine_.on_packet(sender, std::move(*p), out);
    send(answers, number, from, sender, answer ? &*answer : nullptr);
  } else if (const auto q = questions_.extract(number); !q.empty()) {
    machine_.on_answer(q.mapped().of, topic_outcome::answered, p ? &*p : nullptr, now, out);
  }
  take(out);
  run(now);
}

void topics_process::act(time_point now) {
  const auto topic = "t" + std::to_string(rng_.below(topics_stage::topics));
  if (rng_.chance(0.8)) return publish(topic, rng_.chance(stage_.setup.retained), now);
  if (subs_.size() >= subscriptions_of_a_node || (!subs_.empty() && rng_.chance(0.4))) {
    const auto at = std::next(subs_.begin(), static_cast<std::ptrdiff_t>(rng_.below(subs_.size())));
    return unsubscribe(at->first, now);
  }
  (void)subscribe(topic, rng_.chance(0.3) ? "g" : "", now);
}

topic_subscription_id topics_process::subscribe(const std::string& topic, const std::string& group, time_point now) {
  topics_machine::deliveries out;
  const auto id = machine_.subscribe(topic, group, out);
  subs_[*id] = {topic, group, {}, {}, {}};
  take(out);
  auto& s = subs_[*id];  // after what is retained comes what is published when the others know of the subscription
  for (const auto& [publisher, last] : s.last) s.missed.insert(publisher);
  run(now);
  return *id;
}

void topics_process::unsubscribe(topic_subscription_id id, time_point now) {
  machine_.unsubscribe(id);
  subs_.erase(id);
  run(now);
}

void topics_process::publish(const std::string& topic, bool retain, time_point now) {
  auto& mine = stage_.truth.counts[topic][name_of(id_)];
  const auto number = ++stage_.messages;
  mine.insert(number);
  if (retain) stage_.truth.retained.insert(number);
  topics_machine::deliveries out;
  const auto reach = machine_.publish(topic, std::make_shared<const std::string>(text_of(id_, number)), retain, out);
  if (!reach) return stage_.w.fail(describe(reach.error()));
  auto& unwanted = stage_.truth.unwanted[number];
  for (const auto& [n, id] : members_) unwanted.insert(id);
  for (const auto& id : reach->nodes) unwanted.erase(id);
  take(out);
  run(now);
}

void topics_process::take(const topics_machine::deliveries& all) {
  for (const auto& d : all) {
    if (const auto s = subs_.find(d.to); s != subs_.end()) check(s->second, d);
  }
}

void topics_process::check(subscription& s, const topic_delivery& d) {
  const auto wrong = [&](const std::string& what) {
    stage_.w.fail("node " + std::to_string(self_) + ", topic " + s.topic + ": " + what +
                  (d.content ? " " + *d.content : ""));
  };
  if (d.gap) {
    ++stage_.gaps;
    for (const auto& [publisher, last] : s.last) s.missed.insert(publisher);
  }
  if (!d.content) return;
  ++stage_.received;
  const auto publisher = publisher_of(*d.content);
  const auto number = number_of(*d.content);
  const auto& published = stage_.truth.counts[s.topic][publisher];
  if (!published.contains(number)) return wrong("was never published");
  if (!s.texts.insert(*d.content).second) return wrong("came twice");
  if (!s.group.empty()) {
    if (!stage_.truth.given_to_group.insert(s.topic + s.group + *d.content).second) wrong("two of a group got");
  }
  const auto last = s.last.find(publisher);
  if (d.late) {
    ++stage_.late;
    if (!stage_.truth.retained.contains(number)) return wrong("is said to be late, and was never retained");
    if (last == s.last.end() || number > last->second) return wrong("is said to be late, and is not");
    return;
  }
  if (last != s.last.end()) {
    if (number <= last->second) return wrong("out of order");
    const bool left_out = std::any_of(published.upper_bound(last->second), published.find(number),
                                      [&](auto n) { return !stage_.truth.unwanted[n].contains(id_); });
    if (s.group.empty() && left_out && !s.missed.contains(publisher))
      wrong("others were left out without a word before");
  }
  s.last[publisher] = number;
  s.missed.erase(publisher);
}

// --- the stage

topics_stage::topics_stage(world_options options, topics_setup given)
    : setup(given), w(options, [this](node_index n, std::uint32_t, outside& out, random rng) {
        return std::make_unique<topics_process>(*this, n, out, rng);
      }) {}

void topics_stage::run_actions(duration pause_max, duration until) {
  w.after(w.rng().between(std::chrono::milliseconds(1), pause_max), [this, pause_max, until] {
    if (w.now() > until) return;
    w.with_process(static_cast<node_index>(w.rng().below(w.size())),
                   [](process& p, time_point now) { static_cast<topics_process&>(p).act(now); });
    run_actions(pause_max, until);
  });
}

bool topics_stage::settled() const {
  const topics_process* first = nullptr;
  std::map<node_index, incarnation_id> running;
  audience listening;
  std::map<std::string, std::uint64_t> subscribers;
  for (node_index n = 0; n < w.size(); ++n) {
    if (at(n) == nullptr) continue;
    if (first == nullptr) first = at(n);
    running[n] = at(n)->id();
    add_subscribers(*at(n), listening);
    for (const auto& [id, s] : at(n)->subscriptions()) ++subscribers[s.topic];
  }
  for (const auto& [n, id] : running) {
    const auto& p = *at(n);
    auto members = p.members();
    members[n] = id;
    if (members != running || p.machine().waiting() != 0) return false;
    if (p.machine().retained().sum() != first->machine().retained().sum()) return false;
    if (known_to(p) != listening) return false;
    for (const auto& [topic, count] : subscribers) {
      if (p.machine().subscribers(topic) != count) return false;
    }
  }
  return true;
}

std::uint64_t topics_stage::publish_everywhere(bool retain) {
  const auto from = messages + 1;
  for (node_index n = 0; n < w.size(); ++n) {
    w.with_process(n, [&](process& p, time_point now) {
      for (int t = 0; t < topics; ++t) static_cast<topics_process&>(p).publish("t" + std::to_string(t), retain, now);
    });
  }
  return from;
}

void topics_stage::expect_retained_seen() {
  for (node_index n = 0; n < w.size(); ++n) {
    if (at(n) == nullptr) continue;
    for (const auto& [id, s] : at(n)->subscriptions()) {
      const auto* value = s.group.empty() ? at(n)->machine().retained().find(s.topic) : nullptr;
      if (value == nullptr || s.texts.contains(*value->content)) continue;
      w.fail("node " + std::to_string(n) + ", topic " + s.topic +
             ": a subscriber has not seen what is retained: " + *value->content);
    }
  }
}

bool topics_stage::arrived(std::uint64_t from) const {
  std::map<std::string, std::size_t> wanted;
  for (const auto& [topic, publishers] : truth.counts) {
    for (const auto& [publisher, numbers] : publishers)
      wanted[topic] += static_cast<std::size_t>(std::distance(numbers.lower_bound(from), numbers.end()));
  }
  std::map<std::string, std::size_t> of_groups;
  for (node_index n = 0; n < w.size(); ++n) {
    if (at(n) == nullptr) continue;
    for (const auto& [id, s] : at(n)->subscriptions()) {
      const auto got = static_cast<std::size_t>(
          std::count_if(s.texts.begin(), s.texts.end(), [&](const auto& t) { return number_of(t) >= from; }));
      if (!s.group.empty())
        of_groups[s.topic] += got;
      else if (got != wanted[s.topic])
        return false;
    }
  }
  return std::all_of(of_groups.begin(), of_groups.end(),
                     [&](const auto& row) { return row.second == wanted[row.first]; });
}

}  // namespace troupe::sim
