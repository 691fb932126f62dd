#include "actors/cache/host_contents.hpp"

namespace troupe {

void host_contents::watch(std::uint32_t shard, std::uint64_t epoch) {
  host_.with_shard(shard, [epoch](held_shard& s) {
    if (s.is_primary() && s.epoch() == epoch) s.watch();
  });
}

void host_contents::unwatch(std::uint32_t shard, std::uint64_t epoch) {
  host_.with_shard(shard, [epoch](held_shard& s) {
    if (s.epoch() == epoch) s.unwatch();
  });
}

std::uint64_t host_contents::changed_bytes(std::uint32_t shard) const {
  return host_.with_shard(shard, [](const held_shard& s) { return s.changed_bytes(); });
}

copied_entry host_contents::named(const shard_store::entry_view& e) const {
  const auto* cache = caches_.get(e.cache);
  const auto name = cache != nullptr ? std::string_view(cache->name) : std::string_view();
  return {name, e.key, e.value, e.version, e.ttl, false, e.is_object};
}

std::uint64_t host_contents::read(std::uint32_t shard, std::uint64_t cursor, std::uint64_t bytes_max, time_point now,
                                  sink show) {
  return host_.with_shard(shard, [&](const held_shard& s) {
    return s.read(cursor, bytes_max, now, [&](const shard_store::entry_view& e) { show(named(e)); });
  });
}

bool host_contents::read_changes(std::uint32_t shard, std::uint64_t bytes_max, time_point now, sink show) {
  const auto present = [&](const shard_store::entry_view& e) { show(named(e)); };
  const auto erased = [&](cache_id cache, std::string_view key, std::uint64_t version) {
    auto e = named({cache, key, {}, version, {}});
    e.erased = true;
    show(e);
  };
  const auto dropped = [&](cache_id cache, std::uint64_t version) {
    auto e = named({cache, {}, {}, version, {}});
    e.drop = true;
    show(e);
  };
  return host_.with_shard(shard,
                          [&](held_shard& s) { return s.read_changes(bytes_max, now, present, erased, dropped); });
}

std::uint64_t host_contents::version(std::uint32_t shard) const {
  return host_.with_shard(shard, [](const held_shard& s) { return s.store().version(); });
}

holdings host_contents::restored() const {
  holdings all;
  for (std::uint32_t s = 0; s < host_.shards(); ++s)
    host_.with_shard(s, [&all](const held_shard& h) { h.tell_restored(all); });
  return all;
}

bool host_contents::begin_copy(std::uint32_t shard, std::uint64_t epoch) {
  return host_.with_shard(shard, [epoch](held_shard& s) { return s.begin_copy(epoch); });
}

bool host_contents::copy(std::uint32_t shard, const copied_entry& e, time_point now) {
  const auto cache = caches_.find(e.cache);
  if (!cache) return true;
  if (e.drop) {
    host_.with_shard(shard, [&](held_shard& s) { s.copy_dropped(*cache, e.version); });
    return true;
  }
  if (!e.erased) return host_.copy(shard, {*cache, e.key, e.value, e.version, e.ttl, nullptr, e.object}, now);
  host_.with_shard(shard, [&](held_shard& s) { s.copy_erased(*cache, e.key, e.version); });
  return true;
}

void host_contents::finish_copy(std::uint32_t shard, std::uint64_t epoch, std::uint64_t version,
                                std::uint64_t sequence) {
  host_.with_shard(shard, [=](held_shard& s) { s.finish_copy(epoch, version, sequence); });
}

bool host_contents::drained(std::uint32_t shard) const {
  return !host_.tenures().busy(shard) && host_.with_shard(shard, [](const held_shard& s) { return s.drained(); });
}

bool host_contents::begin_join(std::uint32_t shard, std::uint64_t epoch, std::uint64_t pid) {
  return host_.with_shard(shard, [=](held_shard& s) { return s.begin_join(epoch, pid); });
}

void host_contents::confirm_join(std::uint32_t shard, std::uint64_t epoch, std::uint64_t pid) {
  host_.with_shard(shard, [=](held_shard& s) {
    if (s.epoch() == epoch) s.stream().confirm_join(pid);
  });
  host_.want_ticks();
}

void host_contents::abandon_join(std::uint32_t shard, std::uint64_t epoch, std::uint64_t pid) {
  host_.with_shard(shard, [=](held_shard& s) {
    if (s.epoch() == epoch) (void)s.abandon_join(pid);
  });
  host_.want_ticks();  // replies that waited for it
}

std::uint64_t host_contents::sequence(std::uint32_t shard) const {
  return host_.with_shard(shard, [](const held_shard& s) { return s.stream().sequence(); });
}

}  // namespace troupe
