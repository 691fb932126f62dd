// Clients that wait for elements of a shard's lists and sorted sets: what held_shard tells the line of them.
#include <utility>

#include "runtime/cache/held_shard.hpp"
#include "runtime/cache/procedures/waiting_words.hpp"

namespace troupe {

namespace {

/// The number of the wait that a command belongs to; 0: none.
std::uint64_t wait_of(const cache_command& command) noexcept {
  const auto* row = row_of(command.procedure);
  return row != nullptr && (row->flags & procedure_blocking) != 0 ? command.version : 0;
}

}  // namespace

bool held_shard::holds(cache_id cache, std::string_view key, value_type type, time_point now) const {
  const auto found = store_.peek(cache, key, now);
  return found && found->object != nullptr && found->object->type == type;
}

void held_shard::wait(const cache_command& command, time_point now, time_point until, reply_callback done) {
  const auto held = [&](cache_id cache, std::string_view key, value_type type) { return holds(cache, key, type, now); };
  if (command.procedure == procedure::leave_keys) {
    waiting_.leave(command.version, now, held);
    return waiting_.tell(owned_reply(), std::move(done));
  }
  const auto words = read_wait_words(command.value);
  if (!words) return waiting_.tell(owned_reply::failed(errc::invalid_argument), std::move(done));
  waiting_line::request r;
  r.id = command.version;
  r.cache = command.cache;
  r.type = words->type;
  r.keys.assign(words->keys.begin(), words->keys.end());
  r.waited = command.ttl;
  r.until = until;
  waiting_.wait(std::move(r), std::move(done), now, held);
}

void held_shard::tick_waiting(time_point now) {
  waiting_.on_tick(now,
                   [&](cache_id cache, std::string_view key, value_type type) { return holds(cache, key, type, now); });
}

// A command that pops for one who came later than another whose turn it is.
bool held_shard::gives_way(const cache_command& command, time_point now) const {
  const auto id = wait_of(command);
  word_list words;
  if (id == 0 || !words.read(command.value)) return false;
  return waiting_.is_ahead_of(
      id, now - command.ttl, command.cache, waited_keys(*row_of(command.procedure), words),
      [&](cache_id cache, std::string_view key, value_type type) { return holds(cache, key, type, now); });
}

// After a run: who popped has left the line, and who waits for what was written is called.
void held_shard::tell_waiting(const cache_command& command, time_point now) {
  const auto held = [&](cache_id cache, std::string_view key, value_type type) { return holds(cache, key, type, now); };
  if (const auto id = wait_of(command); id != 0 && !is_null_reply(reply_)) waiting_.leave(id, now, held);
  for (const auto& e : effects_) {
    if (e.what != effect::form::erased) waiting_.on_written(e.cache, e.key, now, held);
  }
}

}  // namespace troupe
