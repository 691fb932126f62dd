#include "actors/cache/near_link.hpp"

#include <utility>

#include "actors/clock.hpp"
#include "runtime/cache/procedures/table.hpp"

namespace troupe {

namespace {

time_point now() { return clock_now(); }

std::vector<std::uint64_t> limits_of(const cache_catalogue& caches) {
  std::vector<std::uint64_t> limits;
  // What a database backs is read through it; what any copy may answer needs no near one.
  for (const auto& c : caches.all())
    limits.push_back(c.settings.backed || c.settings.consistency == "stale" ? 0 : c.settings.near_max);
  return limits;
}

}  // namespace

near_link::near_link(surroundings s)
    : with_(std::move(s)), clock_(with_.io.context(0)), near_(limits_of(with_.caches), with_.seed) {
  for (const auto most : limits_of(with_.caches)) kept_.push_back(most > 0);
}

expected<void> near_link::start() {
  with_.link.handle_requests(link_request_kind::near, [this](const link_request& request, link_responder responder) {
    take_poll(request, std::move(responder));
  });
  // Without a watcher nothing could be told: polls are refused then.
  if (!any_kept()) return {};
  if (auto rings = clock_.start([weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->ring();
      });
      !rings)
    return rings;
  with_.host.watch_writes(this);
  return {};
}

void near_link::close() {
  {
    const std::lock_guard lock(near_mutex_);
    if (std::exchange(closed_, true)) return;
  }
  if (!any_kept()) return;
  clock_.close();
  with_.host.watch_writes(nullptr);
}

// --- what is kept here

void near_link::follow(std::uint64_t topology) {
  if (std::exchange(topology_, topology) != topology) near_.on_owners_changed();
}

bool near_link::find(const cache_command& command, std::uint64_t owner, std::uint64_t topology, time_point at,
                     cache_access::visitor visit) {
  const std::lock_guard lock(near_mutex_);
  follow(topology);
  const auto found = near_.find(command.cache, command.key, owner, at);
  if (!found) return false;
  cache_reply r;
  r.version = found->version;
  r.ttl = found->ttl;
  r.value = found->value;
  visit(r);
  return true;
}

// Whatever it does with the key: what is read here afterwards is not older than what it saw or wrote.
void near_link::command_near(const owned_command& command) {
  const auto& c = command.command;
  if (c.op != cache_op::run) return near_.on_command(c.cache, command.key);
  const auto* row = row_of(c.procedure);
  const bool all_keys = row == nullptr || row->group == procedure_group::transaction ||
                        (row->flags & procedure_movable) != 0 || c.procedure == procedure::shard_clear ||
                        c.procedure == procedure::shard_drop;
  word_list words;
  if (!all_keys && words.read(command.value))
    keys_of(*row, words, [&](std::string_view key) { near_.on_command(c.cache, key); });
  else
    near_.on_command(c.cache);
}

std::uint64_t near_link::begin(owned_command& command, std::uint64_t owner, std::uint64_t topology) {
  std::uint64_t read = 0;
  {
    const std::lock_guard lock(near_mutex_);
    follow(topology);
    if (command.command.op != cache_op::get) {
      command_near(command);
      return 0;
    }
    const auto begun = near_.begin_read(command.command.cache, command.key, owner, now());
    command.command.version = begun.session;
    read = begun.read;
  }
  wake();
  return read;
}

// The clock ticks while something is kept, here or by others.
void near_link::wake() {
  {
    const std::lock_guard lock(near_mutex_);
    if (closed_ || std::exchange(ticking_, true)) return;
  }
  clock_.set(now());
}

void near_link::end(const owned_command& command, std::uint64_t read, const owned_reply& reply, bool told) {
  const std::lock_guard lock(near_mutex_);
  if (command.command.op != cache_op::get) return command_near(command);
  if (reply.code != errc::ok) return near_.end_read(read, std::nullopt, now());
  // An old value that is given while it is loaded anew is nobody's to keep.
  near_.end_read(read, near_cache::fetched{reply.value, reply.version, reply.ttl, told && !reply.stale}, now());
}

void near_link::ring() {
  std::vector<near_cache::poll> polls;
  bool again = false;
  {
    const std::lock_guard lock(near_mutex_);
    if (closed_) return;
    polls = near_.on_tick(now());
    again = near_.restless();
    const std::lock_guard others(interest_mutex_);
    interest_.on_tick(now());
    interested_.store(interest_.any(), std::memory_order_relaxed);
    again = ticking_ = again || interest_.any();
  }
  for (const auto& p : polls) send(p);
  if (again) clock_.set(now() + tick);
}

void near_link::send(const near_cache::poll& p) {
  const auto to = with_.resolve(p.owner);
  if (!to) return on_answer(p, std::nullopt);
  with_.link.request(*to, link_request_kind::near, encode_near_poll(p.session), now() + near_cache::poll_max,
                     [weak = weak_from_this(), p](const expected<std::string_view>& bytes) {
                       const auto self = weak.lock();
                       if (!self) return;
                       auto answer =
                           bytes ? decode_near_answer(
                                       *bytes, [&](std::string_view name) { return self->with_.caches.find(name); })
                                 : fail(errc::peer_lost);
                       self->on_answer(p, answer ? std::optional(std::move(*answer)) : std::nullopt);
                     });
}

void near_link::on_answer(const near_cache::poll& p, const std::optional<near_answer>& answer) {
  const std::lock_guard lock(near_mutex_);
  if (!closed_) near_.on_answer(p, answer, now());
}

// --- what others keep

bool near_link::note_read(const cache_command& command) {
  const std::lock_guard lock(interest_mutex_);
  return interest_.on_read(command.version, command.cache, command.key);
}

void near_link::on_write(cache_id cache, std::string_view key) {
  const std::lock_guard lock(interest_mutex_);
  interest_.on_write(cache, key);
}

void near_link::on_drop(cache_id cache) {
  const std::lock_guard lock(interest_mutex_);
  interest_.on_drop(cache);
}

void near_link::on_lost() {
  const std::lock_guard lock(interest_mutex_);
  interest_.on_lost();
}

// A node that may not serve cannot say that nothing changed.
void near_link::take_poll(const link_request& request, link_responder responder) {
  const auto session = decode_near_poll(request.body);
  if (!session) return responder.answer(tl::unexpected<error>(session.error()));
  if (!any_kept()) return responder.answer(fail(errc::unavailable, "no cache of this node is kept near"));
  near_answer answer;
  {
    const std::lock_guard lock(interest_mutex_);
    if (!with_.host.serves(now())) return responder.answer(fail(errc::unavailable, "this node may not serve now"));
    // Before it is known: a read may come in that very moment.
    interested_.store(true, std::memory_order_relaxed);
    answer = interest_.on_poll(*session, now());
  }
  wake();
  responder.answer(encode_near_answer(answer, [this](cache_id cache) {
    const auto* declared = with_.caches.get(cache);
    return declared == nullptr ? std::string_view() : std::string_view(declared->name);
  }));
}

void near_link::register_metrics(metrics& m) const {
  const auto read = [&](const char* name, const char* help, std::uint64_t near_cache::numbers::*number) {
    m.read_counter(name, help, {}, [this, number] {
      const std::lock_guard lock(near_mutex_);
      return static_cast<double>(near_.count().*number);
    });
  };
  read("troupe_cache_near_hits_total", "Gets answered by the near cache", &near_cache::numbers::hits);
  read("troupe_cache_near_kept_total", "Values that were kept near", &near_cache::numbers::kept);
  read("troupe_cache_near_told_total", "Changes that owners told of", &near_cache::numbers::told);
  read("troupe_cache_near_resets_total", "Times that everything of an owner was dropped", &near_cache::numbers::resets);
}

}  // namespace troupe
