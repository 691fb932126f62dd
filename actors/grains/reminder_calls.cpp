// What grains ask of their node's reminders: each write is of the version that this node's store has, so that an
// activation whose time is over changes nothing that the next one has written.
#include <utility>

#include "actors/clock.hpp"
#include "actors/grains/reminder_runner.hpp"

namespace troupe {

namespace {

constexpr int attempts_most = 4;  // when what fires is written down at the same moment

expected<void> without_value(errc code, const std::string& words) {
  if (code == errc::ok) return {};
  return fail(code, words);
}

error no_cache() { return {errc::invalid_argument, "the grain's type has no reminder_cache"}; }

}  // namespace

void reminder_runner::look_surely(std::uint32_t shard, const std::shared_ptr<const grain_type>& kind,
                                  const std::string& key, look_callback then) {
  if (auto there = look(shard, kind->reminders_id, key)) return then(std::move(there));
  // A primary that was a copy asks the others first; a read waits for that.
  auto kept = *kind->reminders;
  kept.get(key, [self = shared_from_this(), shard, kind, key, then = std::move(then)](const expected<cache_value>&) {
    then(self->look(shard, kind->reminders_id, key));
  });
}

void reminder_runner::put(std::uint32_t shard, std::shared_ptr<const grain_type> kind, std::string key,
                          std::string bytes, int attempts, callback done) {
  look_surely(shard, kind, key, [=, this, self = shared_from_this()](expected<std::optional<found_entry>> there) {
    if (!there) return done(tl::unexpected<error>(there.error()));
    put_options how;
    how.condition = *there ? write_condition::if_version : write_condition::if_absent;
    how.version = *there ? (*there)->version : 0;
    auto kept = *kind->reminders;
    kept.put(key, bytes, how, [=, this, self = self](const expected<std::uint64_t>& r) {
      if (!r && r.error().code == errc::condition_failed && attempts > 1)
        return put(shard, kind, key, bytes, attempts - 1, done);
      if (!r) return done(tl::unexpected<error>(r.error()));
      add(count::set);
      done({});
    });
  });
}

void reminder_runner::erase(std::uint32_t shard, std::shared_ptr<const grain_type> kind, std::string key, int attempts,
                            callback done) {
  look_surely(shard, kind, key, [=, this, self = shared_from_this()](expected<std::optional<found_entry>> there) {
    if (!there) return done(tl::unexpected<error>(there.error()));
    auto kept = *kind->reminders;
    // What is not there may be what nobody has confirmed yet: a read waits for that.
    if (!*there) {
      return kept.get(key, [done](const expected<cache_value>& r) {
        if (!r && r.error().code == errc::not_found) return done({});
        done(r ? fail(errc::condition_failed, "it was set at the same moment") : tl::unexpected<error>(r.error()));
      });
    }
    kept.erase_version(key, (*there)->version, [=, this, self = self](const expected<bool>& r) {
      const auto code = r ? errc::ok : r.error().code;
      if (code == errc::condition_failed && attempts > 1) return erase(shard, kind, key, attempts - 1, done);
      if (code == errc::ok) add(count::forgotten);
      done(without_value(code == errc::not_found ? errc::ok : code, r ? "" : r.error().context));
    });
  });
}

void reminder_runner::remind(const grain_seat& seat, const reminder& r, callback done) {
  if (!seat.kind->reminders) return done(tl::unexpected<error>(no_cache()));
  if (auto sound = check(r); !sound) return done(sound);
  const auto prefix = reminder_prefix(seat.type, seat.id);
  if (!prefix) return done(tl::unexpected<error>(prefix.error()));
  const auto key = *prefix + r.name;
  {
    auto& p = *places_[seat.shard];
    const std::lock_guard lock(p.lock);
    feed(p);
    if (!p.machine.has(key) && p.machine.keys_of(*prefix).size() >= reminders_of_grain_max)
      return done(fail(errc::unavailable, "the grain has too many reminders"));
  }
  put(seat.shard, seat.kind, key, encode(entry_of(r)), attempts_most, std::move(done));
}

void reminder_runner::forget(const grain_seat& seat, const std::string& name, callback done) {
  if (!seat.kind->reminders) return done(tl::unexpected<error>(no_cache()));
  if (auto sound = check_reminder_name(name); !sound) return done(sound);
  const auto prefix = reminder_prefix(seat.type, seat.id);
  if (!prefix) return done(tl::unexpected<error>(prefix.error()));
  erase(seat.shard, seat.kind, *prefix + name, attempts_most, std::move(done));
}

void reminder_runner::remember(const grain_seat& seat, callback done) {
  const auto key = reminder_prefix(seat.type, seat.id);
  if (!key) return done(tl::unexpected<error>(key.error()));
  auto kept = *seat.kind->reminders;
  put_options how;
  how.condition = write_condition::if_absent;
  kept.put(*key, encode(reminder_entry{}), how, [done = std::move(done)](const expected<std::uint64_t>& r) {
    const auto code = r ? errc::ok : r.error().code;
    done(without_value(code == errc::condition_failed ? errc::ok : code, r ? "" : r.error().context));
  });
}

void reminder_runner::forget_grain(const grain_seat& seat, callback done) {
  if (!seat.kind->reminders) return done(tl::unexpected<error>(no_cache()));
  const auto key = reminder_prefix(seat.type, seat.id);
  if (!key) return done(tl::unexpected<error>(key.error()));
  erase(seat.shard, seat.kind, *key, attempts_most, std::move(done));
}

void reminder_runner::on_ended(const grain_seat& seat) {
  if (closed_ || !seat.kind->options.remembered) return;
  const auto key = reminder_prefix(seat.type, seat.id);
  if (!key) return;
  auto& p = *places_[seat.shard];
  {
    const std::lock_guard lock(p.lock);
    feed(p);
    p.machine.on_ended(*key, clock_now());
  }
  ring(seat.shard, clock_now());
}

expected<std::vector<reminder>> reminder_runner::list(const grain_seat& seat) {
  if (!seat.kind->reminders) return tl::unexpected<error>(no_cache());
  const auto prefix = reminder_prefix(seat.type, seat.id);
  if (!prefix) return tl::unexpected<error>(prefix.error());
  std::vector<std::string> keys;
  {
    auto& p = *places_[seat.shard];
    const std::lock_guard lock(p.lock);
    if (p.machine.tenure() != seat.tenure || !p.machine.whole())
      return fail(errc::unavailable, "the reminders of the shard are being gathered");
    feed(p);
    keys = p.machine.keys_of(*prefix);
  }
  std::vector<reminder> all;
  for (const auto& key : keys) {
    const auto there = look(seat.shard, seat.kind->reminders_id, key);
    if (!there) return tl::unexpected<error>(there.error());
    if (!*there) continue;
    const auto e = decode_reminder((*there)->bytes);
    if (e)
      all.push_back({key.substr(prefix->size()), wall_time_of(e->due), std::chrono::milliseconds(e->period),
                     std::string(e->payload)});
  }
  return all;
}

bool reminder_runner::is_due(const grain_seat& seat, const reminder_fired& r) {
  if (r.version == 0) return true;
  const auto prefix = reminder_prefix(seat.type, seat.id);
  if (!prefix || !seat.kind->reminders) return false;
  const auto there = look(seat.shard, seat.kind->reminders_id, *prefix + r.name);
  return there && *there && (*there)->version == r.version;
}

}  // namespace troupe
