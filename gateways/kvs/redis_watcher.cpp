#include "gateways/kvs/redis_watcher.hpp"

#include <utility>

#include <hiredis/hiredis.h>

namespace troupe {

redis_watcher::redis_watcher(std::vector<std::string> addresses, std::string password)
    : dial_(std::move(addresses)), password_(std::move(password)) {}

expected<std::uint64_t> redis_watcher::subscribe(const std::string& key, time_point deadline) {
  return dial_.round<std::chrono::steady_clock>(
      deadline, [&](const std::string& address, time_point share) { return dial(address, key, share); });
}

expected<std::uint64_t> redis_watcher::dial(const std::string& address, const std::string& key, time_point deadline) {
  connection_.close();
  if (auto opened = connection_.open(address, password_, deadline); !opened) {
    return tl::unexpected(std::move(opened.error()));
  }
  watch_peer(connection_.socket());
  if (auto taken = refuse_replica(deadline); !taken) return tl::unexpected(std::move(taken.error()));
  if (const auto heard = connection_.send({"SUBSCRIBE", key}, deadline); !heard) return tl::unexpected(heard.error());
  redis_connection reader;
  if (auto opened = reader.open(address, password_, deadline); !opened) {
    return tl::unexpected(std::move(opened.error()));
  }
  const auto read = reader.send({"HGET", key, "version"}, deadline);
  if (!read) return tl::unexpected(read.error());
  if ((*read)->type == REDIS_REPLY_NIL) return 0;
  const auto version = store_version_in(text_of(**read));
  if (!version) return fail(errc::corrupt, "redis: no leader's entry: its version");
  return *version;
}

// It would tell of changes as long as it follows the other server, and be silent afterwards.
expected<void> redis_watcher::refuse_replica(time_point deadline) {
  if (dial_.count() == 1) return {};
  const auto role = connection_.send({"ROLE"}, deadline);
  const bool replica =
      role && (*role)->type == REDIS_REPLY_ARRAY && (*role)->elements > 0 && text_of(*(*role)->element[0]) == "slave";
  if (replica) return fail(errc::unavailable, "redis " + dial_.address() + ": a replica");
  if (!connection_.is_open()) return tl::unexpected(role.error());
  return {};
}

expected<std::uint64_t> redis_watcher::next(time_point deadline) {
  const auto told = connection_.next(deadline);
  if (!told) return tl::unexpected(told.error());
  const auto& r = **told;
  const bool message = r.type == REDIS_REPLY_ARRAY && r.elements == 3 && text_of(*r.element[0]) == "message";
  const auto version = message ? store_version_in(text_of(*r.element[2])) : std::nullopt;
  if (!version) return fail(errc::unavailable, "redis: an unknown message on the key's channel");
  return *version;
}

}  // namespace troupe
