#include "actors/durability/log_loader.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "actors/disk/durable_file.hpp"
#include "actors/durability/log_segment.hpp"
#include "actors/wall_clock.hpp"
#include "runtime/durability/log_reader.hpp"
#include "runtime/durability/log_replay.hpp"
#include "runtime/replication/apply_write.hpp"

namespace troupe {

namespace {

/// A segment is about 64 MiB and one write.
constexpr std::size_t segment_read_max = std::size_t{4} << 30;
constexpr const char* what_to_do = " (docs/DURABILITY.md says what to do)";

tl::unexpected<error> refused(const std::string& path, const std::string& why) {
  return fail(errc::storage_failed, path + ": " + why + what_to_do);
}

class loader {
 public:
  loader(const log_loading& from, shard_host& host, event_log& log)
      : from_(from),
        host_(host),
        log_(log),
        replay_(
            host.shards(), [&from](std::string_view name) { return id_of(from, name); },
            std::chrono::steady_clock::now(), wall_now_ms()) {}

  expected<loaded_log> run() {
    std::error_code ec;
    std::filesystem::create_directories(from_.directory, ec);
    if (ec) return fail(errc::storage_failed, from_.directory + ": " + ec.message());
    const auto numbers = segments_in(from_.directory);
    if (!numbers) return tl::unexpected<error>(numbers.error());
    for (std::size_t i = 0; i < numbers->size(); ++i) {
      const auto number = (*numbers)[i];
      if (i > 0 && number != (*numbers)[i - 1] + 1)
        return refused(segment_path(from_.directory, number - 1), "the segment is missing");
      if (auto done = read_segment(number, i + 1 == numbers->size()); !done)
        return tl::unexpected<error>(std::move(done.error()));
      loaded_.next_segment = number + 1;
      ++loaded_.segments;
    }
    hand_over();
    return std::move(loaded_);
  }

 private:
  static cache_id id_of(const log_loading& from, std::string_view name) {
    const auto id = from.caches.find(name);
    return id && from.modes[*id] != fsync_mode::not_durable ? *id : cache_unknown;
  }

  expected<void> read_segment(std::uint64_t number, bool last) {
    const auto path = segment_path(from_.directory, number);
    const auto bytes = read_whole(path, segment_read_max);
    if (!bytes) return fail(errc::storage_failed, describe(bytes.error()));
    log_reader reader(*bytes, last);
    const auto header = reader.open();
    if (!header && header.error().code == errc::not_found) return cut(path, bytes->size(), reader);
    if (!header) return refused(path, header.error().context);
    if (header->number != number) return refused(path, "it is segment " + std::to_string(header->number));
    if (header->shards != host_.shards())
      return fail(errc::bad_config, "cache.shards is " + std::to_string(host_.shards()) + ", but the log in " +
                                        from_.directory + " has " + std::to_string(header->shards));
    log_record r;
    while (reader.next(r)) {
      if (r.shard >= host_.shards()) return refused(path, "a record of a shard that there is not");
      host_.with_shard(r.shard, [&](held_shard& s) { (void)replay_.apply(r, s.store()); });
    }
    if (reader.how() == log_reader::ending::damaged)
      return refused(path, "damaged at byte " + std::to_string(reader.offset()) + ": " + reader.fault());
    loaded_.log_bytes += reader.offset();
    if (reader.how() == log_reader::ending::torn) return cut(path, bytes->size(), reader);
    return last ? sync(path) : expected<void>();
  }

  // A crash left it; what was acknowledged is before it.
  expected<void> cut(const std::string& path, std::size_t size, const log_reader& reader) {
    log_.warn("durability", "log_tail_cut",
              {{"file", path},
               {"offset", reader.offset()},
               {"bytes", size - reader.offset()},
               {"whole_records", reader.records_behind()}});
    // Nothing of it stays where a later look could take it for a record.
    if (reader.offset() == 0) {
      if (::unlink(path.c_str()) != 0) return failed(path);
      return sync_directory(from_.directory);
    }
    if (::truncate(path.c_str(), static_cast<off_t>(reader.offset())) != 0) return failed(path);
    return sync(path);
  }

  // The next segment begins only when this one is on the disk: that is what tells damage from a torn tail later.
  static expected<void> sync(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    const bool done = fd >= 0 && ::fsync(fd) == 0;
    const int fault = errno;
    if (fd >= 0) ::close(fd);
    errno = fault;
    return done ? expected<void>() : failed(path);
  }
  static tl::unexpected<error> failed(const std::string& path) {
    return fail(errc::storage_failed, path + ": " + std::strerror(errno));
  }

  void hand_over() {
    auto found = replay_.found();
    found.pids = from_.holders;
    const auto all = std::make_shared<const holdings>(holdings{found.pids, {}});
    for (std::uint32_t shard = 0; shard < host_.shards(); ++shard) {
      const auto* held = replay_.held(shard);
      host_.with_shard(shard, [&](held_shard& s) {
        if (held == nullptr || !held->whole) return s.store().clear();
        s.restore(*held, all);
        loaded_.live_bytes += s.store().bytes();
      });
    }
    loaded_.found = std::move(found);
  }

  const log_loading& from_;
  shard_host& host_;
  event_log& log_;
  log_replay replay_;
  loaded_log loaded_;
};

}  // namespace

expected<loaded_log> load_log(const log_loading& from, shard_host& host, event_log& log) {
  return loader(from, host, log).run();
}

}  // namespace troupe
