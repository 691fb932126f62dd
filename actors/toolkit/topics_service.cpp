#include "actors/toolkit/topics_service.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>
#include <caf/actor_cast.hpp>

#include "actors/clock.hpp"
#include "actors/link/content_bytes.hpp"
#include "runtime/registry/choice.hpp"

namespace troupe {

namespace {

time_point now() { return clock_now(); }

/// Errors with which the other node, or the link, says that it will never take this.
topic_outcome outcome_of(const expected<std::string_view>& answer) {
  if (answer) return topic_outcome::answered;
  switch (answer.error().code) {
    case errc::corrupt:
    case errc::not_implemented:
    case errc::too_large:
    case errc::invalid_argument: return topic_outcome::refused;
    default: return topic_outcome::silence;
  }
}

}  // namespace

topics_service::topics_service(surroundings s)
    : with_(std::move(s)), clock_(with_.io.context(0)), machine_(with_.self, random(with_.seed)) {}

void topics_service::serve() {
  with_.link.handle_requests(link_request_kind::topics,
                             [weak = weak_from_this()](const link_request& request, link_responder r) {
                               if (const auto s = weak.lock()) s->on_request(request, std::move(r));
                             });
}

expected<void> topics_service::start() {
  auto ticking = clock_.start([weak = weak_from_this()] {
    if (const auto s = weak.lock()) s->run();
  });
  if (!ticking) return ticking;
  const auto follow = [weak = weak_from_this()] {
    if (const auto s = weak.lock()) s->follow_members();
  };
  listener_ = with_.events.listen([&io = with_.io, follow](const std::shared_ptr<const event>& e) {
    if (e->kind.rfind("member_", 0) == 0 || e->kind == "joined") boost::asio::post(io.context(0), follow);
  });
  boost::asio::post(with_.io.context(0), follow);
  return {};
}

void topics_service::withdraw() {
  mailboxes ended;
  {
    const std::lock_guard lock(mutex_);
    leaves_ = true;
    while (!rows_.empty()) end(rows_.begin()->first, std::nullopt, &ended);
  }
  for (const auto& m : ended) m->end(error{errc::unavailable, "the node leaves"});
  run_soon();
}

void topics_service::close() {
  if (listener_ != 0) with_.events.unlisten(std::exchange(listener_, 0));
  clock_.close();
  mailboxes ended;  // an actor may end with them: not under the lock
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    while (!rows_.empty()) end(rows_.begin()->first, std::nullopt, &ended);
  }
  for (const auto& m : ended) m->end(std::nullopt);
}

// ---- other nodes ----

void topics_service::follow_members() {
  const auto view = with_.board.read();
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    targets_.clear();
    std::set<incarnation_id> others;
    for (const auto& m : view->members) {
      if (m.id == with_.self || !takes_part(m)) continue;
      others.insert(m.id);
      targets_[m.id] = {m.address, m.id};
    }
    machine_.set_members(others, now());
  }
  run();
}

void topics_service::run_soon() {
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || std::exchange(run_posted_, true)) return;
  }
  boost::asio::post(with_.io.context(0), [self = shared_from_this()] { self->run(); });
}

// On the first I/O thread.
void topics_service::run() {
  std::vector<std::pair<link_target, topics_machine::outgoing>> out;
  {
    const std::lock_guard lock(mutex_);
    run_posted_ = false;
    if (closed_) return;
    for (auto& o : machine_.due(now())) {
      const auto to = targets_.find(o.id.to);
      if (to != targets_.end()) out.emplace_back(to->second, std::move(o));
    }
    clock_.set(machine_.next_due());
    note_numbers();
  }
  log_unreadable();
  for (auto& [to, o] : out) send(to, std::move(o));
}

void topics_service::send(const link_target& to, topics_machine::outgoing o) {
  with_.link.request(to, link_request_kind::topics, encode(o.packet), now() + answer_max,
                     [weak = weak_from_this(), id = o.id](const expected<std::string_view>& answer) {
                       if (const auto s = weak.lock()) s->on_answer(id, answer);
                     });
}

void topics_service::on_answer(const topics_machine::packet_id& id, const expected<std::string_view>& answer) {
  auto how = outcome_of(answer);
  std::optional<topic_packet> read;
  if (answer && !answer->empty()) {
    auto p = decode_topic_packet(*answer);
    if (p) {
      read = std::move(*p);
    } else {
      ++numbers_->malformed;
      how = topic_outcome::silence;
    }
  }
  mailboxes told;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    topics_machine::deliveries all;
    machine_.on_answer(id, how, read ? &*read : nullptr, now(), all);
    told = hand_over(all);
  }
  for (const auto& m : told) m->pump();
  run_soon();  // not from inside request(), which may call back at once
}

void topics_service::on_request(const link_request& request, link_responder responder) {
  auto p = decode_topic_packet(request.body);
  if (!p) {
    ++numbers_->malformed;
    return responder.answer(tl::unexpected<error>(p.error()));
  }
  std::optional<topic_packet> answer;
  mailboxes told;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return responder.answer(fail(errc::unavailable, "the node stops"));
    topics_machine::deliveries all;
    answer = machine_.on_packet(request.from.id, std::move(*p), all);
    told = hand_over(all);
  }
  responder.answer(answer ? encode(*answer) : std::string());
  for (const auto& m : told) m->pump();
  run_soon();
}

// Under the lock, so that mailboxes get what the machine says in its order. `read`: the content that is `known`.
topics_service::mailboxes topics_service::hand_over(const topics_machine::deliveries& all, const topic_content& known,
                                                    const caf::message* read) {
  std::map<const std::string*, std::shared_ptr<topic_item>> items;
  mailboxes told;
  for (const auto& d : all) {
    const auto at = rows_.find(d.to);
    if (at == rows_.end()) continue;
    const auto mailbox = at->second.mailbox;
    told.push_back(mailbox);
    if (d.gap) mailbox->miss(*d.gap);
    if (!d.content) continue;
    auto& item = items[d.content.get()];
    if (!item) {
      item =
          d.content == known ? std::make_shared<topic_item>(d.content, *read) : std::make_shared<topic_item>(d.content);
    }
    if (!mailbox->offer(item, d.late)) end(d.to, error{errc::unavailable, "too many messages wait for the subscriber"});
  }
  return told;
}

// ---- this node ----

expected<topic_reach> topics_service::publish(const std::string& topic, const caf::message& content,
                                              const publish_options& o) {
  auto bytes = content_bytes(content, with_.system);
  if (!bytes) return tl::unexpected<error>(bytes.error());
  const auto shared = std::make_shared<const std::string>(std::move(*bytes));
  expected<topics_machine::reach> reached;
  mailboxes told;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return fail(errc::unavailable, "the node stops");
    topics_machine::deliveries all;
    reached = machine_.publish(topic, shared, o.retain, all);
    told = hand_over(all, shared, &content);
    note_numbers();
  }
  if (!reached) return tl::unexpected<error>(reached.error());
  for (const auto& m : told) m->pump();
  if (!reached->nodes.empty()) run_soon();
  return topic_reach{reached->here, reached->nodes.size()};
}

expected<void> topics_service::forget(const std::string& topic) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return fail(errc::unavailable, "the node stops");
    if (auto done = machine_.forget(topic); !done) return done;
  }
  run_soon();
  return {};
}

expected<void> topics_service::subscribe(const caf::actor& subscriber, const std::string& topic,
                                         const subscribe_options& o) {
  const auto handle = caf::actor_cast<caf::strong_actor_ptr>(subscriber);
  if (!handle || handle->nid) return fail(errc::invalid_argument, "an actor subscribes at its own node");
  if (o.waiting_max == 0 || o.waiting_max > waiting_most || o.waiting_bytes_max == 0)
    return fail(errc::invalid_argument,
                "a queue of 1 to " + std::to_string(waiting_most) + " messages, 1 byte at least");
  const row_key key{subscriber.id(), topic, o.group};
  topic_subscription_id id = 0;
  mailboxes told;
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || leaves_) return fail(errc::unavailable, "the node leaves or stops");
    if (by_key_.contains(key)) return {};
    topics_machine::deliveries all;
    const auto made = machine_.subscribe(topic, o.group, all);
    if (!made) return tl::unexpected<error>(made.error());
    id = *made;
    rows_[id] = {key, std::make_shared<subscriber_mailbox>(subscriber, topic, o, of_subscribers_)};
    by_key_[key] = id;
    told = hand_over(all);
  }
  for (const auto& m : told) m->pump();
  subscriber->attach_functor([weak = weak_from_this(), id] {
    const auto s = weak.lock();
    if (!s) return;
    mailboxes ended;
    {
      const std::lock_guard lock(s->mutex_);
      s->end(id, std::nullopt, &ended);
    }
    s->run_soon();
  });
  run_soon();
  return {};
}

void topics_service::unsubscribe(const caf::actor& subscriber, const std::string& topic, const std::string& group) {
  if (!subscriber) return;
  mailboxes ended;
  {
    const std::lock_guard lock(mutex_);
    const auto at = by_key_.find({subscriber.id(), topic, group});
    if (at == by_key_.end()) return;
    end(at->second, std::nullopt, &ended);
  }
  for (const auto& m : ended) m->end(std::nullopt);
  run_soon();
}

// Under the lock. The mailbox is told why, or goes to `ended`: whoever destroys it must not hold the lock.
void topics_service::end(topic_subscription_id id, std::optional<error> why, mailboxes* ended) {
  auto over = rows_.extract(id);
  if (over.empty()) return;
  machine_.unsubscribe(id);
  by_key_.erase(over.mapped().key);
  if (why) over.mapped().mailbox->end(std::move(why));
  if (ended != nullptr) ended->push_back(std::move(over.mapped().mailbox));
}

std::size_t topics_service::subscribers(const std::string& topic) const {
  const std::lock_guard lock(mutex_);
  return machine_.subscribers(topic);
}

// ---- what is counted ----

// Under the lock.
void topics_service::note_numbers() {
  const auto& n = machine_.counts();
  numbers_->published = n.published;
  numbers_->sent = n.sent;
  numbers_->received = n.received;
  numbers_->dropped = n.dropped;
  numbers_->lost = n.lost;
  numbers_->again = n.again;
  numbers_->repeated = n.repeated;
  numbers_->nobody = n.nobody;
  numbers_->repaired = n.repaired;
  numbers_->late = n.late;
  numbers_->subscriptions = machine_.mine().size();
  numbers_->waiting = machine_.waiting();
  numbers_->retained = machine_.retained().topics();
  numbers_->retained_bytes = machine_.retained().bytes();
}

void topics_service::log_unreadable() {
  const auto count = of_subscribers_->unreadable.load();
  if (count == unreadable_told_ || (last_line_ != time_point{} && now() < last_line_ + line_interval)) return;
  last_line_ = now();
  with_.log.warn("actors", "topic_messages_unreadable", {{"count", count - std::exchange(unreadable_told_, count)}});
}

void topics_service::register_metrics(metrics& m) {
  const auto count = [&](const char* name, const char* help, std::atomic<std::uint64_t> counters::*which) {
    m.read_counter(name, help, {}, [n = numbers_, which] { return static_cast<double>(((*n).*which).load()); });
  };
  count("troupe_topics_published_total", "Messages published at this node", &counters::published);
  count("troupe_topics_sent_total", "Messages that another node has taken, each node counted", &counters::sent);
  count("troupe_topics_received_total", "Messages that came from other nodes", &counters::received);
  count("troupe_topics_dropped_total", "Messages dropped because too many waited for another node", &counters::dropped);
  count("troupe_topics_lost_total", "Messages for nodes that are no members any more or refused them", &counters::lost);
  count("troupe_topics_sent_again_total", "Messages that were not answered and sent again", &counters::again);
  count("troupe_topics_repeated_total", "Messages that came more than once, or too late", &counters::repeated);
  count("troupe_topics_without_member_total", "Messages for a group whose members here had gone", &counters::nobody);
  count("troupe_topics_repaired_total", "Retained values that came by repair", &counters::repaired);
  count("troupe_topics_late_total", "Retained values given to a subscriber after later messages of their node",
        &counters::late);
  count("troupe_topics_malformed_total", "Packets that could not be read", &counters::malformed);
  const auto gauge = [&](const char* name, const char* help, std::atomic<std::uint64_t> counters::*which) {
    m.read_gauge(name, help, {}, [n = numbers_, which] { return static_cast<double>(((*n).*which).load()); });
  };
  gauge("troupe_topics_subscriptions_count", "Subscriptions of this node", &counters::subscriptions);
  gauge("troupe_topics_waiting_count", "Messages that wait for other nodes", &counters::waiting);
  gauge("troupe_topics_retained_count", "Topics with a retained value", &counters::retained);
  gauge("troupe_topics_retained_bytes", "Bytes of retained values", &counters::retained_bytes);
  const auto of_subscribers = [&](const char* name, const char* help,
                                  std::atomic<std::uint64_t> subscriber_numbers::*w) {
    m.read_counter(name, help, {}, [n = of_subscribers_, w] { return static_cast<double>(((*n).*w).load()); });
  };
  of_subscribers("troupe_topics_subscriber_dropped_total", "Messages dropped because too many waited for a subscriber",
                 &subscriber_numbers::dropped);
  of_subscribers("troupe_topics_subscriber_ended_total", "Subscriptions that ended because too many messages waited",
                 &subscriber_numbers::ended);
  of_subscribers("troupe_topics_unreadable_total", "Messages of types that are not registered here",
                 &subscriber_numbers::unreadable);
}

}  // namespace troupe
