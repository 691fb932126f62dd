#include "actors/pubsub/pubsub_service.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

namespace troupe {

using pubsub::channel_message;
using pubsub::topic_kind;
using pubsub::topic_view;

namespace {

time_point now() { return std::chrono::steady_clock::now(); }

std::uint64_t size_of(const channel_message& m) noexcept { return sizeof(m) + m.channel.size() + m.payload.size(); }

bool takes_part(const member& m) {
  const bool here =
      m.state == member_state::alive || m.state == member_state::suspect || m.state == member_state::departing;
  return here && std::find(m.services.begin(), m.services.end(), "resp") != m.services.end();
}

}  // namespace

pubsub_service::pubsub_service(surroundings s) : with_(s), clock_(s.io.context(0)) {}

void pubsub_service::serve() {
  if (with_.link == nullptr) return;
  with_.link->handle_requests(link_request_kind::pubsub,
                              [self = shared_from_this()](const link_request& request, link_responder r) {
                                self->on_request(request, std::move(r));
                              });
}

expected<void> pubsub_service::start() {
  if (with_.link == nullptr) return {};
  auto ticking = clock_.start([self = weak_from_this()] {
    if (const auto s = self.lock()) s->tell();
  });
  if (!ticking) return ticking;
  // Members come and go with an event each; what else happens costs a look at the board.
  listener_ = with_.events.listen([self = weak_from_this()](const std::shared_ptr<const event>& e) {
    if (e->kind.rfind("member_", 0) != 0 && e->kind != "joined") return;
    if (const auto s = self.lock()) boost::asio::post(s->with_.io.context(0), [s] { s->follow_members(); });
  });
  boost::asio::post(with_.io.context(0), [self = shared_from_this()] { self->follow_members(); });
  return {};
}

void pubsub_service::close() {
  if (listener_ != 0) with_.events.unlisten(std::exchange(listener_, 0));
  clock_.close();
  const std::lock_guard lock(mutex_);
  closed_ = true;
  outboxes_.clear();
}

void pubsub_service::follow_members() {
  const auto view = with_.board.read();
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    std::set<incarnation_id> others;
    for (const auto& m : view->members) {
      if (m.id == view->id || !takes_part(m)) continue;
      others.insert(m.id);
      outboxes_[m.id].to = {m.address, m.id};
    }
    machine_.set_members(others);
    std::erase_if(outboxes_, [&](const auto& row) {
      if (others.contains(row.first)) return false;
      numbers_->lost += row.second.waiting.size();
      return true;
    });
  }
  tell();
}

// Updates that are due; their answers bring the next.
void pubsub_service::tell() {
  std::vector<std::tuple<incarnation_id, std::uint64_t, link_target, std::string>> updates;
  {
    const std::lock_guard lock(mutex_);
    tell_posted_ = false;
    if (closed_) return;
    for (auto& u : machine_.due(now())) {
      const auto at = outboxes_.find(u.to);
      if (at == outboxes_.end()) continue;
      updates.emplace_back(u.to, u.number, at->second.to, pubsub::encode(u.update));
    }
    if (const auto next = machine_.next_due()) clock_.set(*next);
  }
  for (auto& [id, number, to, bytes] : updates) {
    with_.link->request(to, link_request_kind::pubsub, bytes, now() + answer_max,
                        [self = weak_from_this(), peer = id, sent = number](const expected<std::string_view>& answer) {
                          const auto s = self.lock();
                          if (!s) return;
                          std::optional<std::uint64_t> version;
                          if (answer) {
                            if (const auto read = pubsub::decode_pubsub_answer(*answer)) version = *read;
                          }
                          {
                            const std::lock_guard lock(s->mutex_);
                            s->machine_.on_answer(peer, sent, version, now());
                          }
                          // Not from inside request(), which may call back at once.
                          boost::asio::post(s->with_.io.context(0), [s] { s->tell(); });
                        });
  }
}

void pubsub_service::change(const topic_view& t, std::int64_t by) {
  {
    const std::lock_guard lock(mutex_);
    machine_.change(t, by);
    if (with_.link == nullptr || closed_ || std::exchange(tell_posted_, true)) return;
  }
  boost::asio::post(with_.io.context(0), [self = shared_from_this()] { self->tell(); });
}

pubsub_access::receivers pubsub_service::publish(topic_kind kind, std::string_view channel, std::string_view payload) {
  numbers_->published.fetch_add(1, std::memory_order_relaxed);
  receivers r;
  bool post = false;
  {
    const std::lock_guard lock(mutex_);
    r.here = machine_.mine().audience(kind, channel);
    if (with_.link == nullptr || closed_) return r;
    const auto elsewhere = machine_.others(kind, channel);
    r.others = elsewhere.listeners;
    if (elsewhere.nodes.empty()) return r;
    const channel_message m{kind, std::string(channel), std::string(payload)};
    for (const auto& id : elsewhere.nodes) enqueue(id, m);
    post = !std::exchange(flush_posted_, true);
  }
  if (post) flush_soon();
  return r;
}

// Under the lock.
void pubsub_service::enqueue(const incarnation_id& id, const channel_message& m) {
  const auto at = outboxes_.find(id);
  if (at == outboxes_.end()) return;
  auto& o = at->second;
  if (!o.waiting.empty() && o.bytes + size_of(m) > waiting_bytes_max) {
    numbers_->dropped.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  o.bytes += size_of(m);
  o.waiting.push_back(m);
}

// At the end of the turn of the publisher's loop: what was published meanwhile goes together.
void pubsub_service::flush_soon() {
  boost::asio::post(with_.io.here(), [self = shared_from_this()] { self->flush(); });
}

void pubsub_service::flush() {
  std::vector<std::tuple<incarnation_id, link_target, std::vector<channel_message>>> batches;
  {
    const std::lock_guard lock(mutex_);
    flush_posted_ = false;
    if (closed_) return;
    for (auto& [id, o] : outboxes_) {
      if (o.sending || o.waiting.empty()) continue;
      o.sending = true;
      batches.emplace_back(id, o.to, take(o));
    }
  }
  for (auto& [id, to, messages] : batches) send(id, to, std::move(messages));
}

std::vector<channel_message> pubsub_service::take(outbox& o) {
  std::size_t count = 0;
  std::uint64_t bytes = 0;
  for (const auto& m : o.waiting) {
    if (count == pubsub::batch_messages_max || (count != 0 && bytes + size_of(m) > batch_bytes_max)) break;
    bytes += size_of(m);
    ++count;
  }
  const auto end = o.waiting.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<channel_message> taken(std::make_move_iterator(o.waiting.begin()), std::make_move_iterator(end));
  o.waiting.erase(o.waiting.begin(), end);
  o.bytes -= bytes;
  return taken;
}

void pubsub_service::send(const incarnation_id& id, const link_target& to, std::vector<channel_message> messages) {
  const auto bytes = pubsub::encode(messages);
  with_.link->request(to, link_request_kind::pubsub, bytes, now() + answer_max,
                      [self = weak_from_this(), id, count = messages.size()](const expected<std::string_view>& answer) {
                        if (const auto s = self.lock()) s->on_sent(id, answer.has_value(), count);
                      });
}

void pubsub_service::on_sent(const incarnation_id& id, bool arrived, std::size_t count) {
  (arrived ? numbers_->sent : numbers_->lost).fetch_add(count, std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    const auto at = outboxes_.find(id);
    if (at == outboxes_.end()) return;
    at->second.sending = false;
    if (at->second.waiting.empty() || std::exchange(flush_posted_, true)) return;
  }
  flush_soon();
}

void pubsub_service::on_request(const link_request& request, link_responder responder) {
  auto m = pubsub::decode_pubsub(request.body);
  if (!m) {
    numbers_->malformed.fetch_add(1, std::memory_order_relaxed);
    return responder.answer(tl::unexpected<error>(m.error()));
  }
  if (m->messages.empty()) {
    std::uint64_t version = 0;
    {
      const std::lock_guard lock(mutex_);
      version = machine_.on_update(request.from.id, std::move(m->update));
    }
    responder.answer(pubsub::encode_pubsub_answer(version));
    return boost::asio::post(with_.io.context(0), [self = shared_from_this()] { self->tell(); });
  }
  numbers_->received.fetch_add(m->messages.size(), std::memory_order_relaxed);
  const auto messages = std::make_shared<const std::vector<channel_message>>(std::move(m->messages));
  {
    const std::lock_guard lock(deliver_mutex_);
    if (deliver_) deliver_(messages);
  }
  responder.answer(std::string_view());
}

std::uint64_t pubsub_service::listeners(const topic_view& t) const {
  const std::lock_guard lock(mutex_);
  return machine_.listeners(t);
}

std::set<std::string> pubsub_service::names(topic_kind kind) const {
  const std::lock_guard lock(mutex_);
  return machine_.names(kind);
}

void pubsub_service::on_messages(std::function<void(batch)> deliver) {
  const std::lock_guard lock(deliver_mutex_);
  deliver_ = std::move(deliver);
}

void pubsub_service::register_metrics(metrics& m) const {
  const auto count = [&](const char* name, const char* help, std::atomic<std::uint64_t> counters::*which) {
    m.read_counter(name, help, {}, [n = numbers_, which] { return static_cast<double>(((*n).*which).load()); });
  };
  count("troupe_pubsub_published_total", "Messages published at this node", &counters::published);
  count("troupe_pubsub_sent_total", "Messages that reached another node, each node counted", &counters::sent);
  count("troupe_pubsub_received_total", "Messages that came from other nodes", &counters::received);
  count("troupe_pubsub_dropped_total", "Messages dropped because too many waited for another node", &counters::dropped);
  count("troupe_pubsub_lost_total", "Messages under way to a node that did not answer", &counters::lost);
  count("troupe_pubsub_malformed_total", "Requests of other nodes that could not be read", &counters::malformed);
}

}  // namespace troupe
