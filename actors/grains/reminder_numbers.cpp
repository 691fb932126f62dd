// What a node says of its reminders: log lines, at most one a second, and metrics.
#include <utility>

#include "actors/clock.hpp"
#include "actors/grains/reminder_runner.hpp"

namespace troupe {

bool reminder_runner::may_log() {
  const auto time = clock_now().time_since_epoch().count();
  auto next = line_at_.load();
  const duration interval = line_interval;
  return time >= next && line_at_.compare_exchange_strong(next, time + interval.count());
}

void reminder_runner::note_failed(std::uint32_t shard, std::uint64_t number, const error& why) {
  if (!may_log()) return;
  auto& p = *places_[shard];
  std::string key;
  {
    const std::lock_guard lock(p.lock);
    key = p.machine.key_of(number);
  }
  if (const auto k = read_reminder_key(key))
    with_.log.warn("grains", k->name.empty() ? "remembered_grain_failed" : "reminder_failed",
                   {{"type", k->type}, {"id", k->id}, {"name", k->name}, {"reason", describe(why)}});
}

// It was acknowledged, and never fires.
void reminder_runner::note_lost(const std::string& key) {
  add(count::lost);
  if (may_log()) with_.log.error("grains", "reminder_lost", {{"key", key}, {"reason", "evicted or expired"}});
}

void reminder_runner::register_metrics(metrics& m) {
  const auto read = [&](const char* name, const char* help, count what) {
    m.read_counter(name, help, {},
                   [n = numbers_, what] { return static_cast<double>((*n)[static_cast<std::size_t>(what)].load()); });
  };
  read("troupe_reminders_set_total", "Reminders that grains of this node set", count::set);
  read("troupe_reminders_forgotten_total", "Reminders that grains of this node forgot", count::forgotten);
  read("troupe_reminders_fired_total", "Reminders that were sent to their grains, repetitions too", count::fired);
  read("troupe_reminders_woken_total", "Remembered grains that were to be woken, repetitions too", count::woken);
  read("troupe_reminders_handled_total", "Reminders and remembered grains that were done with", count::handled);
  read("troupe_reminders_failed_total", "Firings that ended with an error", count::failed);
  read("troupe_reminders_missed_total", "Ticks that came to nobody and were told with a later one", count::missed);
  read("troupe_reminders_lost_total", "Reminders that were evicted from their cache, or expired", count::lost);
  read("troupe_reminders_unreadable_total", "Values under a reminder's key that are none", count::unreadable);
  const auto gauge = [&](const char* name, const char* help, std::uint64_t (reminder_ledger::*what)() const noexcept) {
    m.read_gauge(name, help, {}, [weak = weak_from_this(), what] {
      const auto self = weak.lock();
      return self ? static_cast<double>((self->ledger_.*what)()) : 0.0;
    });
  };
  gauge("troupe_reminders_armed_count", "Reminders and remembered grains of this node's shards",
        &reminder_ledger::armed);
  gauge("troupe_reminders_firing_count", "Those that were sent to their grains and are not answered",
        &reminder_ledger::firing);
}

}  // namespace troupe
