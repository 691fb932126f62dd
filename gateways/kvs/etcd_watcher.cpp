#include "gateways/kvs/etcd_watcher.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "actors/net/base64.hpp"

namespace troupe {

using nlohmann::json;

namespace {

/// What a line of the watch says of the version: told when an event is in it; errors: the watch is over.
expected<std::optional<std::uint64_t>> version_told(const json& line) {
  const json::json_pointer canceled("/canceled");
  if (line.contains(canceled) && line.at(canceled) == true) {
    const auto compacted = text_at(line, "/compact_revision");
    const auto why = text_at(line, "/cancel_reason").value_or(std::string("without a reason"));
    return tl::unexpected(etcd_refusal("the watch was cancelled: " + (compacted ? "compacted" : why)));
  }
  const json::json_pointer events("/events");  // none: it was created, or it is alive
  if (!line.contains(events) || !line.at(events).is_array() || line.at(events).empty()) return std::nullopt;
  const auto& last = line.at(events).back();
  if (text_at(last, "/type") == "DELETE") return 0;
  const auto version =
      store_version_in(from_base64(text_at(last, "/kv/value").value_or(std::string())).value_or(std::string()));
  if (!version) return fail(errc::corrupt, "etcd: no leader's entry: its version");
  return *version;
}

}  // namespace

etcd_watcher::etcd_watcher(std::vector<std::string> addresses, std::string password)
    : dial_(std::move(addresses)), password_(std::move(password)) {}

expected<std::uint64_t> etcd_watcher::subscribe(const std::string& key, time_point deadline) {
  return dial_.round<std::chrono::steady_clock>(
      deadline, [&](const std::string& address, time_point share) { return dial(address, key, share); });
}

expected<std::uint64_t> etcd_watcher::dial(const std::string& address, const std::string& key, time_point deadline) {
  if (auto opened = session_.open(address, password_, deadline); !opened) {
    return tl::unexpected(std::move(opened.error()));
  }
  const auto name = to_base64(key + "/version");
  const auto read = session_.post("/v3/kv/range", {{"key", name}}, deadline);
  if (!read) return tl::unexpected(read.error());
  const auto revision = store_version_in(text_at(*read, "/header/revision").value_or(std::string()));
  if (!revision) return fail(errc::unavailable, "etcd: an answer without a revision");
  std::optional<std::uint64_t> version = 0;
  if (const auto value = text_at(*read, "/kvs/0/value"))
    version = store_version_in(from_base64(*value).value_or(std::string()));
  if (!version) return fail(errc::corrupt, "etcd: no leader's entry: its version");
  const json watched{{"key", name}, {"start_revision", std::to_string(*revision + 1)}};
  if (auto begun = session_.stream("/v3/watch", {{"create_request", watched}}, deadline); !begun) {
    return tl::unexpected(std::move(begun.error()));
  }
  return *version;
}

expected<std::uint64_t> etcd_watcher::next(time_point deadline) {
  for (;;) {
    const auto line = session_.next(deadline);
    if (!line) return tl::unexpected(line.error());
    const auto told = version_told(*line);
    if (!told) return tl::unexpected(told.error());
    if (*told) return **told;
  }
}

}  // namespace troupe
