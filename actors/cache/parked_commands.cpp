#include "actors/cache/parked_commands.hpp"

#include <iterator>

namespace troupe {

namespace {

constexpr const char* full_words = "too many commands wait for their shard's owner";
constexpr const char* overtaken_words = "the shard moved between this command and a later one of its key";

bool may_succeed_later(errc code) noexcept { return code == errc::not_owner || code == errc::peer_lost; }

bool surely_not_done(errc code) noexcept {
  return may_succeed_later(code) || code == errc::unavailable || code == errc::deadline_exceeded;
}

/// Their order matters. A run may have more keys than the one by which it is sent.
bool conflict(const pending_command& a, const pending_command& b) noexcept {
  const auto& x = a.command.command;
  const auto& y = b.command.command;
  if (x.cache != y.cache || (!is_write(x) && !is_write(y))) return false;
  return x.op == cache_op::run || y.op == cache_op::run || a.command.key == b.command.key;
}

std::uint64_t size_of(const pending_command& c) noexcept {
  return sizeof(c) + c.command.key.size() + c.command.value.size();
}

}  // namespace

parked_commands::parked_commands(std::uint32_t shards, const limits& l, route_of route, runner run)
    : lanes_(shards), limits_(l), route_(std::move(route)), run_(std::move(run)) {}

parked_commands::~parked_commands() { close(); }

void parked_commands::on_first_parked(std::function<void()> wake) {
  {
    const std::lock_guard lock(wake_mutex_);
    wake_ = std::move(wake);
  }
  wanted_ = false;
  wake_if_first();
}

void parked_commands::wake_if_first() {
  if (count() == 0 || wanted_.exchange(true)) return;
  const std::lock_guard lock(wake_mutex_);
  if (wake_) wake_();
}

void parked_commands::tell(answers& all) {
  for (auto& [command, reply] : all) command->done(std::move(reply));
}

// Moves `c` from `from` to its place among the parked, unless there is no room. Under the lock.
bool parked_commands::park(lane& l, const command_ptr& c, command_list& from) {
  const auto size = size_of(*c);
  const auto count = count_.fetch_add(1);
  const auto bytes = bytes_.fetch_add(size);
  if (closed_ || count >= limits_.commands_max || bytes + size > limits_.bytes_max) {
    count_.fetch_sub(1);
    bytes_.fetch_sub(size);
    refused_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  auto before = l.parked.end();
  while (before != l.parked.begin() && (*std::prev(before))->number > c->number) --before;
  l.parked.splice(before, from, c->place);
  return true;
}

// Under the lock.
void parked_commands::unpark(lane& l, const command_ptr& c, command_list& into) {
  count_.fetch_sub(1);
  bytes_.fetch_sub(size_of(*c));
  into.splice(into.end(), l.parked, c->place);
}

// A command is in no list of the lane any more. Under the lock.
void parked_commands::leave(lane& l) { l.busy.fetch_sub(1, std::memory_order_release); }

void parked_commands::submit(const command_ptr& command) {
  auto& l = lanes_[command->shard];
  command_list arriving{command};
  command->place = arriving.begin();
  std::uint64_t route = 0;
  bool starts = false;
  bool fits = true;
  {
    const std::lock_guard lock(l.mutex);
    command->number = l.next_number++;
    l.busy.fetch_add(1, std::memory_order_release);
    route = route_(command->shard);
    starts = l.parked.empty() && !l.draining && (l.in_flight.empty() || l.route == route);
    if (starts) {
      l.route = route;
      l.in_flight.splice(l.in_flight.end(), arriving);
    } else {
      fits = park(l, command, arriving);
      if (!fits) leave(l);
    }
  }
  if (starts) return run_(command, route);
  if (!fits) return command->done(owned_reply::failed(errc::unavailable, full_words));
  wake_if_first();
}

// `done` was carried out: whatever came before it and still waits may not follow it. Under the lock.
void parked_commands::note_overtaken(lane& l, const command_ptr& done, answers& out) {
  for (const auto& earlier : l.in_flight) {
    if (earlier == done) break;
    if (conflict(*earlier, *done)) earlier->overtaken = true;
  }
  command_list out_of_order;
  for (auto next = l.parked.begin(); next != l.parked.end() && (*next)->number < done->number;) {
    const auto earlier = *next++;
    if (!conflict(*earlier, *done)) continue;
    unpark(l, earlier, out_of_order);
    leave(l);
    out.emplace_back(earlier, owned_reply::failed(errc::unavailable, overtaken_words));
  }
}

void parked_commands::finished(const command_ptr& command, owned_reply reply) {
  auto& l = lanes_[command->shard];
  answers out;
  bool drains = false;
  {
    const std::lock_guard lock(l.mutex);
    if (!surely_not_done(reply.code)) note_overtaken(l, command, out);
    bool parks = false;
    if (may_succeed_later(reply.code)) {
      if (command->overtaken) {
        reply.context = overtaken_words;
      } else {
        command->why = reply.context.empty() ? std::string(message_of(reply.code)) : reply.context;
        parks = park(l, command, l.in_flight);
        if (!parks) reply.context = full_words;
      }
      reply.code = errc::unavailable;
    }
    l.refused = l.refused || parks;
    if (!parks) {
      l.in_flight.erase(command->place);
      leave(l);
      out.emplace_back(command, std::move(reply));
    }
    drains = l.in_flight.empty() && !l.parked.empty() && !l.refused && !l.draining;
  }
  tell(out);
  wake_if_first();
  if (drains) drain(command->shard);
}

// Starts parked commands in their order, one thread at a time; the lock is not held while one runs.
void parked_commands::drain(std::uint32_t shard) {
  auto& l = lanes_[shard];
  std::unique_lock lock(l.mutex);
  if (l.draining) return;
  l.draining = true;
  while (!l.parked.empty() && !l.refused) {
    const auto command = l.parked.front();
    const auto route = route_(shard);
    if (!l.in_flight.empty() && l.route != route) break;
    l.route = route;
    unpark(l, command, l.in_flight);
    lock.unlock();
    run_(command, route);
    lock.lock();
  }
  l.draining = false;
}

bool parked_commands::retry(time_point now) {
  for (std::uint32_t shard = 0; shard < lanes_.size(); ++shard) {
    if (idle(shard)) continue;
    auto& l = lanes_[shard];
    answers out;
    bool drains = false;
    {
      const std::lock_guard lock(l.mutex);
      l.refused = false;
      command_list late;
      for (auto next = l.parked.begin(); next != l.parked.end();) {
        const auto command = *next++;
        if (command->deadline > now) continue;
        unpark(l, command, late);
        leave(l);
        out.emplace_back(command, command->why.empty() ? owned_reply::failed(errc::deadline_exceeded)
                                                       : owned_reply::failed(errc::unavailable, command->why));
      }
      drains = l.in_flight.empty() && !l.parked.empty();
    }
    tell(out);
    if (drains) drain(shard);
  }
  if (count() != 0) return true;
  wanted_ = false;
  wake_if_first();  // what parked in between
  return false;
}

void parked_commands::close() {
  closed_ = true;
  for (auto& l : lanes_) {
    answers out;
    {
      const std::lock_guard lock(l.mutex);
      command_list all;
      while (!l.parked.empty()) {
        const auto command = l.parked.front();
        unpark(l, command, all);
        leave(l);
        out.emplace_back(command, owned_reply::failed(errc::unavailable, "the node stops"));
      }
    }
    tell(out);
  }
}

}  // namespace troupe
