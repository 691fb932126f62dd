#include "actors/cache/link_forwarder.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include <boost/asio/post.hpp>

#include "actors/clock.hpp"

namespace troupe {

namespace {

time_point now() { return clock_now(); }

constexpr std::size_t queues_max = 1024;  // of owners, most of them gone; beyond it idle ones are dropped

bool writes(const forwarded_command& c) noexcept { return is_write(c.command.command); }

// A batch is answered as one, and nothing else is to wait with a client.
bool travels_alone(const forwarded_command& c) noexcept {
  return c.command.command.awaits || is_wait(c.command.command.procedure);
}

std::uint64_t size_of(const forwarded_command& c) noexcept {
  return sizeof(c) + c.cache.size() + c.command.key.size() + c.command.value.size();
}

}  // namespace

struct link_forwarder::batch {
  std::vector<waiting> commands;
  std::shared_ptr<counters> numbers;
  // The thread that is inside link_table::request: a failure that it reports itself was never sent.
  std::atomic<std::thread::id> asking{};

  void count(failure f, std::uint64_t n) const {
    numbers->failures[static_cast<std::size_t>(f)].fetch_add(n, std::memory_order_relaxed);
  }
};

link_forwarder::link_forwarder(io_pool& io, link_table& link, resolver resolve, stamp_source table_stamp)
    : io_(io), link_(link), resolve_(std::move(resolve)), table_stamp_(std::move(table_stamp)) {}

link_forwarder::~link_forwarder() {
  for (const auto& [pid, q] : queues_) {
    for (const auto& c : q->commands) c.done(owned_reply::failed(errc::unavailable, "the node stops"));
  }
}

link_forwarder::queue_ptr link_forwarder::queue_of(std::uint64_t pid) {
  const std::lock_guard lock(mutex_);
  if (const auto found = queues_.find(pid); found != queues_.end()) return found->second;
  if (queues_.size() >= queues_max) {
    std::erase_if(queues_, [](const auto& row) {
      const std::lock_guard held(row.second->mutex);
      return row.second.use_count() == 1 && row.second->commands.empty();
    });
  }
  return queues_[pid] = std::make_shared<owner_queue>();
}

void link_forwarder::forward(std::uint64_t owner_pid, std::shared_ptr<const forwarded_command> command,
                             reply_callback done) {
  const auto q = queue_of(owner_pid);
  const auto size = size_of(*command);
  bool posts = false;
  bool full = false;
  {
    std::unique_lock lock(q->mutex);
    if (!q->commands.empty() && q->bytes + size > waiting_bytes_max) {
      lock.unlock();
      numbers_->failures[static_cast<std::size_t>(failure::not_sent)].fetch_add(1, std::memory_order_relaxed);
      return done(owned_reply::failed(errc::peer_lost, "too much waits for the shard's owner"));
    }
    q->bytes += size;
    q->commands.push_back({std::move(command), std::move(done)});
    full = q->commands.size() >= batch_commands_max || q->bytes >= batch_bytes_max;
    if (!full && !q->posted && !q->flushing) posts = q->posted = true;
  }
  numbers_->commands.fetch_add(1, std::memory_order_relaxed);
  if (full) return flush(owner_pid, q);
  if (posts) post_flush(owner_pid, q);
}

// On the caller's own loop, at the end of its turn, without waking another thread; a thread that is
// none of the pool's uses the first loop.
void link_forwarder::post_flush(std::uint64_t pid, const queue_ptr& q) {
  boost::asio::post(io_.here(), [this, pid, q] {
    {
      const std::lock_guard lock(q->mutex);
      q->posted = false;
    }
    flush(pid, q);
  });
}

// One thread at a time, so that batches leave in the order of their commands.
void link_forwarder::flush(std::uint64_t pid, const queue_ptr& q) {
  std::unique_lock lock(q->mutex);
  if (q->flushing) return;
  q->flushing = true;
  for (int sent = 0; !q->commands.empty() && sent < flush_batches_max; ++sent) {
    const auto b = take(*q);
    lock.unlock();
    send(pid, b);
    lock.lock();
  }
  q->flushing = false;
  const bool more = !q->commands.empty() && !q->posted;
  if (more) q->posted = true;
  lock.unlock();
  if (more) post_flush(pid, q);
}

// Under the queue's lock.
std::shared_ptr<link_forwarder::batch> link_forwarder::take(owner_queue& q) const {
  auto b = std::make_shared<batch>();
  b->numbers = numbers_;
  const auto first = q.commands.front().command->deadline;
  std::uint64_t bytes = 0;
  while (!q.commands.empty() && b->commands.size() < batch_commands_max) {
    auto& next = q.commands.front();
    const bool alone = travels_alone(*next.command);
    if (alone && !b->commands.empty()) break;
    const auto size = size_of(*next.command);
    const auto deadline = next.command->deadline;
    const auto spread = deadline < first ? first - deadline : deadline - first;
    if (!b->commands.empty() && (bytes + size > batch_bytes_max || spread > deadline_spread_max)) break;
    bytes += size;
    q.bytes -= size;
    b->commands.push_back(std::move(next));
    q.commands.pop_front();
    if (alone) break;
  }
  return b;
}

void link_forwarder::send(std::uint64_t pid, const std::shared_ptr<batch>& b) {
  const auto at = now();
  std::erase_if(b->commands, [&](waiting& c) {
    if (c.command->deadline > at) return false;
    c.done(owned_reply::failed(errc::deadline_exceeded));
    return true;
  });
  if (b->commands.empty()) return;
  const auto owner = resolve_(pid);
  if (!owner) return settle_failed(*b, {errc::unavailable, "the address of the shard's owner is not known"}, false);

  std::vector<batched_command> commands;
  commands.reserve(b->commands.size());
  time_point deadline{};
  for (const auto& c : b->commands) {
    commands.push_back({c.command->command.borrow(), c.command->cache, c.command->deadline - at});
    deadline = std::max(deadline, c.command->deadline);
  }
  const auto bytes = encode_commands(table_stamp_(), commands);
  numbers_->batches.fetch_add(1, std::memory_order_relaxed);
  b->asking = std::this_thread::get_id();
  link_.request(*owner, link_request_kind::cache, bytes, deadline,
                [b](const expected<std::string_view>& answer) { settle(*b, answer); });
  b->asking = std::thread::id();
}

void link_forwarder::settle(batch& b, const expected<std::string_view>& answer) {
  if (!answer) return settle_failed(b, answer.error(), b.asking.load() != std::this_thread::get_id());
  auto replies = decode_replies(*answer);
  if (!replies || replies->replies.size() != b.commands.size()) {
    b.count(failure::malformed, b.commands.size());
    for (const auto& c : b.commands)
      c.done(owned_reply::failed(writes(*c.command) ? errc::outcome_unknown : errc::unavailable,
                                 "the owner's answer cannot be read"));
    return;
  }
  for (std::size_t i = 0; i < b.commands.size(); ++i) {
    if (replies->replies[i].code == errc::not_owner) b.count(failure::not_owner, 1);
    b.commands[i].command->told = replies->told[i];
    b.commands[i].done(std::move(replies->replies[i]));
  }
}

void link_forwarder::settle_failed(batch& b, const error& why, bool sent) {
  auto kind = failure::refused;
  errc of_read = errc::unavailable;
  errc of_write = errc::unavailable;
  if (!sent && why.code == errc::too_large) {
    of_read = of_write = errc::too_large;
  } else if (!sent || why.code == errc::unavailable) {  // a dial that failed reports later
    kind = failure::not_sent;
    of_read = of_write = errc::peer_lost;
  } else if (why.code == errc::peer_lost || why.code == errc::outcome_unknown || why.code == errc::too_large) {
    kind = why.code == errc::peer_lost ? failure::peer_lost : failure::no_answer;
    of_read = errc::peer_lost;
    of_write = errc::outcome_unknown;
  }
  b.count(kind, b.commands.size());
  for (const auto& c : b.commands) c.done(owned_reply::failed(writes(*c.command) ? of_write : of_read, why.context));
}

void link_forwarder::register_metrics(metrics& m) const {
  const auto of = [](const std::atomic<std::uint64_t>& n) { return static_cast<double>(n.load()); };
  m.read_counter("troupe_cache_forwarded_total", "Commands sent to other nodes", {},
                 [n = numbers_, of] { return of(n->commands); });
  m.read_counter("troupe_cache_forward_batches_total", "Requests that carried them", {},
                 [n = numbers_, of] { return of(n->batches); });
  for (std::size_t i = 0; i < failure_names.size(); ++i) {
    m.read_counter("troupe_cache_forward_failures_total", "Forwarded commands that their owner did not carry out",
                   {{"reason", failure_names[i]}}, [n = numbers_, of, i] { return of(n->failures[i]); });
  }
}

}  // namespace troupe
