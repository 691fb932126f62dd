#include "actors/cache/replica_link.hpp"

#include <algorithm>
#include <list>
#include <utility>

#include <boost/asio/post.hpp>

#include "actors/clock.hpp"

namespace troupe {

namespace {

constexpr std::size_t queues_max = 1024;  // before those of members that are gone are dropped

time_point now() { return clock_now(); }

}  // namespace

replica_link::replica_link(io_pool& io, link_table& link, shard_host& host, const cache_catalogue& caches,
                           resolver resolve)
    : io_(io), link_(link), host_(host), caches_(caches), resolve_(std::move(resolve)) {}

void replica_link::serve() {
  link_.handle_requests(link_request_kind::replicas, [this](const link_request& request, link_responder responder) {
    take_batch(request, std::move(responder));
  });
}

replica_link::queue_ptr replica_link::queue_of(std::uint64_t pid) {
  const std::lock_guard lock(mutex_);
  if (const auto found = queues_.find(pid); found != queues_.end()) return found->second;
  if (queues_.size() >= queues_max) std::erase_if(queues_, [](const auto& row) { return row.second.use_count() == 1; });
  return queues_[pid] = std::make_shared<queue>();
}

template <class Add>
bool replica_link::gather(std::uint64_t pid, bool bounded, Add add) {
  const auto q = queue_of(pid);
  bool posts = false;
  {
    const std::lock_guard lock(q->mutex);
    if (bounded && q->bytes >= waiting_bytes_max) return false;
    const bool full = !q->batches.empty() && (q->batches.back().bytes() >= batch_bytes_max ||
                                              q->batches.back().entries() >= stream_entries_max / 2);
    if (q->batches.empty() || full) q->batches.emplace_back(host_.my_pid());
    const auto before = q->batches.back().bytes();
    add(q->batches.back());
    q->bytes += q->batches.back().bytes() - before;
    if (!q->posted && q->under_way < under_way_max) posts = q->posted = true;
  }
  if (posts) post_flush(pid, q);
  return true;
}

// A write's entries are in one batch, so that a copy has all of them or none.
bool replica_link::append(std::uint64_t pid, const stream_position& at, std::span<const stream_entry> write) {
  return gather(pid, true, [&](batch_writer& w) {
    auto place = at;
    for (const auto& e : write) {
      w.append(place, {name_of(e.cache), e});
      ++place.after;
    }
  });
}

void replica_link::ask(std::uint64_t pid, const stream_position& at) {
  (void)gather(pid, false, [&](batch_writer& w) { w.ask(at); });
}

std::string_view replica_link::name_of(cache_id cache) const noexcept {
  const auto* declared = cache == cache_unknown ? nullptr : caches_.get(cache);
  return declared == nullptr ? std::string_view() : std::string_view(declared->name);
}

// On the caller's own loop, at the end of its turn, as link_forwarder does.
void replica_link::post_flush(std::uint64_t pid, const queue_ptr& q) {
  boost::asio::post(io_.here(), [weak = weak_from_this(), pid, q] {
    if (const auto self = weak.lock()) self->flush(pid, q);
  });
}

void replica_link::flush(std::uint64_t pid, const queue_ptr& q) {
  std::unique_lock lock(q->mutex);
  q->posted = false;
  while (!q->batches.empty() && q->under_way < under_way_max) {
    auto batch = std::move(q->batches.front());
    q->batches.pop_front();
    q->bytes -= std::min(q->bytes, batch.bytes());
    ++q->under_way;
    // Handed to the link under the lock: batches must not overtake each other.
    send(pid, q, std::move(batch));
  }
}

void replica_link::send(std::uint64_t pid, const queue_ptr& q, batch_writer batch) {
  numbers_.sent.fetch_add(batch.entries(), std::memory_order_relaxed);
  numbers_.batches.fetch_add(1, std::memory_order_relaxed);
  auto shards = batch.shards();
  std::sort(shards.begin(), shards.end());
  shards.erase(std::unique(shards.begin(), shards.end()), shards.end());
  const auto to = resolve_(pid);
  // The answer may come at once, with the failure of a dial, while the queue is locked: the loop takes it. It may also
  // come when this object is gone, as long as the link lives.
  auto settle = [weak = weak_from_this(), pid, q,
                 shards = std::move(shards)](const expected<std::string_view>& answer) {
    const auto self = weak.lock();
    if (!self) return;
    auto bytes = answer ? std::optional<std::string>(*answer) : std::nullopt;
    boost::asio::post(self->io_.here(), [weak, pid, q, shards, bytes = std::move(bytes)] {
      if (const auto still = weak.lock()) still->settle(pid, q, shards, bytes);
    });
  };
  if (!to) return settle(fail(errc::unavailable, "the member's address is not known"));
  link_.request(*to, link_request_kind::replicas, std::move(batch).finish(), now() + answer_max, std::move(settle));
}

void replica_link::settle(std::uint64_t pid, const queue_ptr& q, const std::vector<std::uint32_t>& shards,
                          const std::optional<std::string>& answer) {
  if (answer) {
    take_answers(pid, *answer);
  } else {
    numbers_.failed.fetch_add(1, std::memory_order_relaxed);
    for (const auto shard : shards) host_.on_broken(pid, shard, now());
  }
  {
    const std::lock_guard lock(q->mutex);
    --q->under_way;
  }
  flush(pid, q);
}

std::vector<stream_entry> replica_link::with_ids(const std::vector<named_entry>& entries) const {
  std::vector<stream_entry> known;
  known.reserve(entries.size());
  std::string_view last_name;
  cache_id last = cache_unknown;
  for (const auto& e : entries) {
    if (e.cache != last_name || known.empty()) {
      last_name = e.cache;
      last = caches_.find(e.cache).value_or(cache_unknown);
    }
    known.push_back(e.entry);
    known.back().cache = last;
  }
  return known;
}

void replica_link::take_answers(std::uint64_t pid, std::string_view bytes) {
  const auto read = read_answers::from(bytes);
  if (!read) {
    numbers_.malformed.fetch_add(1, std::memory_order_relaxed);
    return;  // the streams ask again when they hear nothing
  }
  for (const auto& a : read->answers) host_.on_answer(pid, a, with_ids(a.entries), now());
}

void replica_link::take_batch(const link_request& request, link_responder responder) {
  const auto batch = read_batch::from(request.body);
  if (!batch) {
    numbers_.malformed.fetch_add(1, std::memory_order_relaxed);
    return responder.answer(tl::unexpected<error>(batch.error()));
  }
  const auto sender = resolve_(batch->sender);
  const bool proven = sender && sender->id == request.from.id;
  answers_writer answers;
  for (const auto& item : batch->items) {
    stream_answer a;
    a.shard = item.at.shard;
    a.epoch = item.at.epoch;
    a.ask = item.ask;
    a.outcome = stream_outcome::not_yet;  // its PID is not known here yet
    if (!proven || item.at.shard >= host_.shards()) {
      answers.add(a);
      continue;
    }
    numbers_.received.fetch_add(item.entries.size(), std::memory_order_relaxed);
    host_.with_shard(item.at.shard, [&](held_shard& s) {
      if (!item.ask) return answers.add(s.on_append(batch->sender, item.at, with_ids(item.entries), now()));
      std::vector<named_entry> beyond;  // views into the store: written out under the lock
      std::list<std::string> objects;
      a = s.stream().on_ask(batch->sender, item.at, s.store(), now(), [&](const stream_entry& e) {
        beyond.push_back({name_of(e.cache), e});
        if (e.form == entry_form::object) beyond.back().entry.value = objects.emplace_back(e.value);
      });
      a.entries = std::move(beyond);
      answers.add(a);
    });
  }
  // The primary counts on the log of this node too, if it has one.
  auto bytes = std::move(answers).finish();
  if (!host_.logs()) return responder.answer(bytes);
  host_.when_settled(
      [r = std::make_shared<link_responder>(std::move(responder)), bytes = std::move(bytes)] { r->answer(bytes); });
}

void replica_link::register_metrics(metrics& m) const {
  const auto read = [&](const char* name, const char* help, const std::atomic<std::uint64_t>& number) {
    m.read_counter(name, help, {}, [&number] { return static_cast<double>(number.load(std::memory_order_relaxed)); });
  };
  read("troupe_cache_replica_writes_sent_total", "Writes sent to copies", numbers_.sent);
  read("troupe_cache_replica_batches_total", "Requests that carried them", numbers_.batches);
  read("troupe_cache_replica_batches_failed_total", "Of these, without an answer", numbers_.failed);
  read("troupe_cache_replica_writes_received_total", "Writes taken for copies held here", numbers_.received);
  read("troupe_cache_replica_malformed_total", "Batches and answers that could not be read", numbers_.malformed);
}

}  // namespace troupe
