#include "actors/cache/change_link.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include <boost/asio/post.hpp>

#include "actors/clock.hpp"
#include "runtime/cache/change_message.hpp"

namespace troupe {

namespace {

time_point now() { return clock_now(); }

constexpr std::size_t changes_least = 2;
constexpr std::size_t changes_most = 1'000'000;
constexpr std::size_t bytes_least = 4096;
constexpr std::size_t bytes_most = std::size_t{1} << 30;

expected<void> check(const change_options& o) {
  if (o.prefix.size() > change_options::prefix_bytes_most)
    return fail(errc::invalid_argument, "the prefix is too long");
  if (o.value_bytes_max > change_options::value_bytes_most)
    return fail(errc::invalid_argument, "values above 1 MiB are not told");
  if (o.changes_max < changes_least || o.changes_max > changes_most || o.bytes_max < bytes_least ||
      o.bytes_max > bytes_most)
    return fail(errc::invalid_argument, "the limits of what may wait are out of their range");
  return {};
}

}  // namespace

change_link::change_link(surroundings s)
    : with_(std::move(s)),
      clock_(with_.io.context(0)),
      wanted_(with_.caches.all().size()),
      feed_(with_.host.shards(), with_.seed),
      source_(with_.host.shards()) {}

expected<void> change_link::start() {
  if (with_.link != nullptr) {
    const auto namer = [this](cache_id cache) {
      const auto* declared = with_.caches.get(cache);
      return declared == nullptr ? std::string_view() : std::string_view(declared->name);
    };
    with_.link->handle_requests(link_request_kind::changes, [this, namer](const link_request& request,
                                                                          link_responder responder) {
      const auto poll = decode_change_poll(request.body, [this](std::string_view n) { return with_.caches.find(n); });
      if (!poll) return responder.answer(tl::unexpected<error>(poll.error()));
      const auto to = std::make_shared<link_responder>(std::move(responder));
      take_poll(*poll, [to, namer](const expected<change_answer>& a) {
        if (a)
          to->answer(encode_change_answer(*a, namer));
        else
          to->answer(tl::unexpected<error>(a.error()));
      });
    });
  }
  return clock_.start([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->ring();
  });
}

void change_link::close() {
  if (closed_.exchange(true)) return;
  clock_.close();
  watch_shards(false);
  std::map<std::uint64_t, queue_ptr> queues;
  {
    const std::lock_guard lock(feed_mutex_);
    queues.swap(queues_);
  }
  for (const auto& [id, queue] : queues) queue->end();
  std::map<std::uint64_t, answer_callback> answers;
  {
    const std::lock_guard lock(source_mutex_);
    answers.swap(answers_);
  }
  for (const auto& [session, answer] : answers) answer(fail(errc::unavailable, "the node stops"));
}

// --- subscribers

expected<std::shared_ptr<change_queue>> change_link::subscribe(cache_id cache, const change_options& options) {
  if (auto sound = check(options); !sound) return tl::unexpected<error>(sound.error());
  queue_ptr queue;
  {
    const std::lock_guard lock(feed_mutex_);
    if (closed_) return fail(errc::unavailable, "the node stops");
    if (queues_.size() >= subscribers_max) return fail(errc::unavailable, "too many subscribers at this node");
    const auto id = next_id_++;
    queue = std::make_shared<change_queue>(options, [weak = weak_from_this(), id] {
      if (const auto self = weak.lock()) self->leave(id);
    });
    feed_.add(id, {cache, options.prefix, options.value_bytes_max});
    queues_.emplace(id, queue);
  }
  want_pump();
  return queue;
}

void change_link::leave(std::uint64_t id) {
  queue_ptr gone;  // ends without the lock
  {
    const std::lock_guard lock(feed_mutex_);
    const auto at = queues_.find(id);
    if (at == queues_.end()) return;
    gone = std::move(at->second);
    queues_.erase(at);
    feed_.remove(id);
  }
  want_pump();
}

void change_link::follow(change_follower& f, cache_id cache) {
  {
    const std::lock_guard lock(feed_mutex_);
    follower_ = &f;
    followed_.push_back(next_id_);
    feed_.add(next_id_++, {cache, {}, change_options::value_bytes_most, true});
  }
  want_pump();
}

void change_link::unfollow() {
  const std::lock_guard pumping(pumping_);
  const std::lock_guard lock(feed_mutex_);
  follower_ = nullptr;
  for (const auto id : std::exchange(followed_, {})) feed_.remove(id);
}

std::optional<change_feed::source> change_link::source_of(std::uint32_t shard) const {
  const std::lock_guard lock(feed_mutex_);
  return feed_.source_of(shard);
}

void change_link::want_pump() {
  if (closed_ || pump_posted_.exchange(true)) return;
  boost::asio::post(with_.io.context(0), [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->pump();
  });
}

void change_link::ring() {
  bool restless = false;
  {
    const std::lock_guard lock(source_mutex_);
    source_.on_tick(now());
    restless = source_.any();
  }
  if (!restless) show_wanted();
  answer_due();
  pump();
}

void change_link::pump() {
  pump_posted_ = false;
  if (closed_) return;
  std::vector<change_feed::outgoing> polls;
  std::vector<queue_ptr> woken;
  bool restless = false;
  {
    const std::lock_guard lock(feed_mutex_);
    follow_table();
    polls = feed_.on_tick(now());
    deliver(woken);
    restless = feed_.subscribers() > 0;
  }
  for (const auto& queue : woken) queue->wake();
  for (auto& p : polls) send(std::move(p));
  {
    const std::lock_guard pumping(pumping_);
    change_follower* follower = nullptr;
    {
      const std::lock_guard lock(feed_mutex_);
      follower = follower_;
    }
    if (follower != nullptr) follower->on_pump();
  }
  {
    const std::lock_guard lock(source_mutex_);
    restless = restless || source_.any();
  }
  if (restless) clock_.set(now() + tick);
}

// Members with a copy are asked too: they may be the next owners.
void change_link::follow_table() {
  if (feed_.subscribers() == 0 || table_ == with_.host.table_stamp()) return;
  const auto table = with_.host.table();
  table_ = table.stamp;
  std::set<std::uint64_t> pids;
  for (const auto& row : table.rows) {
    if (row.primary != 0) pids.insert(row.primary);
    pids.insert(row.replicas.begin(), row.replicas.end());
  }
  feed_.on_owners({pids.begin(), pids.end()});
}

void change_link::send(change_feed::outgoing o) {
  const auto owner = o.owner;
  const auto session = o.poll.session;
  const auto done = [weak = weak_from_this(), owner, session](expected<change_answer> a) {
    if (const auto self = weak.lock()) self->on_answer(owner, session, std::move(a));
  };
  if (owner == with_.host.my_pid()) return take_poll(o.poll, done);
  const auto to = with_.link == nullptr ? std::nullopt : with_.resolve(owner);
  if (!to) return done(fail(errc::peer_lost));
  const auto namer = [this](cache_id cache) { return std::string_view(with_.caches.get(cache)->name); };
  with_.link->request(
      *to, link_request_kind::changes, encode_change_poll(o.poll, namer), now() + change_feed::poll_max,
      [weak = weak_from_this(), done](const expected<std::string_view>& bytes) {
        const auto self = weak.lock();
        if (!self) return;
        if (!bytes) return done(tl::unexpected<error>(bytes.error()));
        done(decode_change_answer(*bytes, [&](std::string_view name) { return self->with_.caches.find(name); }));
      });
}

void change_link::on_answer(std::uint64_t owner, std::uint64_t session, expected<change_answer> answer) {
  std::vector<queue_ptr> woken;
  {
    const std::lock_guard lock(feed_mutex_);
    if (closed_) return;
    feed_.on_answer(owner, session, answer ? std::optional(std::move(*answer)) : std::nullopt, now());
    deliver(woken);
  }
  for (const auto& queue : woken) queue->wake();
  want_pump();
}

// Under the lock, so that what one answer brings is behind what another brought.
void change_link::deliver(std::vector<queue_ptr>& woken) {
  for (auto& d : feed_.take_deliveries()) {
    if (std::find(followed_.begin(), followed_.end(), d.subscriber) != followed_.end()) {
      follower_->on_told(d);
      continue;
    }
    const auto at = queues_.find(d.subscriber);
    if (at != queues_.end() && at->second->push(std::move(d.change))) woken.push_back(at->second);
  }
  if (follower_ != nullptr) follower_->on_confirmed(feed_);
}

void change_link::register_metrics(metrics& m) const {
  const auto feed = [&](const char* name, const char* help, std::uint64_t change_feed::numbers::*number) {
    m.read_counter(name, help, {}, [this, number] {
      const std::lock_guard lock(feed_mutex_);
      return static_cast<double>(feed_.count().*number);
    });
  };
  const auto source = [&](const char* name, const char* help, std::uint64_t change_source::numbers::*number) {
    m.read_counter(name, help, {}, [this, number] {
      const std::lock_guard lock(source_mutex_);
      return static_cast<double>(source_.count().*number);
    });
  };
  feed("troupe_cache_changes_told_total", "Changes told to subscribers of this node", &change_feed::numbers::told);
  feed("troupe_cache_changes_gaps_total", "Gaps told because a source changed or was lost",
       &change_feed::numbers::gaps);
  feed("troupe_cache_changes_lost_total", "Sources that were lost", &change_feed::numbers::lost);
  source("troupe_cache_changes_sent_total", "Changes of this node's shards told to nodes",
         &change_source::numbers::told);
  source("troupe_cache_changes_broken_total", "Nodes that did not keep up with this one's changes",
         &change_source::numbers::broken);
  m.read_gauge("troupe_cache_changes_subscribers", "Subscribers of changes at this node", {}, [this] {
    const std::lock_guard lock(feed_mutex_);
    return static_cast<double>(queues_.size());
  });
}

}  // namespace troupe
