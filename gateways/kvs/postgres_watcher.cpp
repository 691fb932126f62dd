#include "gateways/kvs/postgres_watcher.hpp"

#include <string_view>
#include <utility>

#include "gateways/db/libpq.hpp"

namespace troupe {

postgres_watcher::postgres_watcher(std::string dsn, std::string password)
    : dsn_(std::move(dsn)), password_(std::move(password)) {}

expected<std::uint64_t> postgres_watcher::subscribe(const std::string& key, time_point deadline) {
  if (auto there = load_libpq(); !there) return tl::unexpected(std::move(there.error()));
  auto dialled = dial_.round<std::chrono::steady_clock>(
      deadline, [this](const std::string&, time_point share) { return connection_.open(dsn_, password_, share); });
  if (!dialled) return tl::unexpected(std::move(dialled.error()));
  watch_peer(connection_.socket());
  key_ = key;
  if (const auto heard = connection_.run("listen troupe_leader", {}, deadline); !heard) {
    return tl::unexpected(heard.error());
  }
  const auto read = connection_.run("select version from troupe_leader where key = $1", {key}, deadline);
  if (!read) return tl::unexpected(read.error());
  if (pq().PQntuples(read->get()) == 0) return 0;
  const auto version = store_version_in(pq().PQgetvalue(read->get(), 0, 0));
  if (!version) return fail(errc::corrupt, "postgres: no leader's entry: its version");
  return *version;
}

expected<std::uint64_t> postgres_watcher::next(time_point deadline) {
  for (;;) {
    const auto told = connection_.next(deadline);
    if (!told) return tl::unexpected(told.error());
    const std::string_view text = *told;
    const auto space = text.find(' ');
    if (space == text.npos || text.substr(space + 1) != key_) continue;
    if (const auto version = store_version_in(text.substr(0, space))) return *version;
    return fail(errc::unavailable, "postgres: an unknown notification of the key");
  }
}

}  // namespace troupe
