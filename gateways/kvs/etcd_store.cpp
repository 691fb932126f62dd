#include "gateways/kvs/etcd_store.hpp"

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "actors/net/base64.hpp"
#include "runtime/election/store_entry.hpp"

namespace troupe {

using nlohmann::json;

namespace {

json range_of(const std::string& key) { return {{"request_range", {{"key", to_base64(key)}}}}; }

/// The value of the i-th range of a transaction's answer; an empty one is not sent.
std::optional<std::string> value_in(const json& answer, std::size_t i) {
  const auto found = "/responses/" + std::to_string(i) + "/response_range/kvs/0";
  if (!answer.contains(json::json_pointer(found))) return std::nullopt;
  return from_base64(text_at(answer, found + "/value").value_or(std::string())).value_or(std::string());
}

}  // namespace

etcd_store::etcd_store(std::vector<std::string> addresses, std::string password)
    : dial_(addresses), password_(password), watcher_(std::move(addresses), std::move(password)) {}
etcd_store::~etcd_store() = default;

expected<void> etcd_store::connect(time_point deadline) {
  if (session_.is_open()) return {};
  return dial_.round<std::chrono::steady_clock>(deadline, [this](const std::string& address, time_point share) {
    auto opened = session_.open(address, password_, share);
    if (opened) ++connects_;
    return opened;
  });
}

expected<json> etcd_store::ask(const json& transaction, time_point deadline) {
  auto answer = session_.post("/v3/kv/txn", transaction, deadline);
  if (!answer && answer.error().code != errc::too_large && session_.is_open()) {
    session_.close();  // another member may know better, and a token may be over
    dial_.leave();
  }
  return answer;
}

expected<leader_reading> etcd_store::get(const std::string& key, time_point deadline) {
  if (auto there = connect(deadline); !there) return tl::unexpected(std::move(there.error()));
  const json ranges{{"success", {range_of(key + "/version"), range_of(key + "/released"), range_of(key + "/value")}}};
  const auto said = ask(ranges, deadline);
  if (!said) return tl::unexpected(said.error());
  const auto& answer = *said;
  leader_reading reading{std::nullopt, connects_};
  const auto version = value_in(answer, 0);
  const auto value = value_in(answer, 2);
  if (!version && !value) return reading;
  if (!version || !value) return fail(errc::corrupt, "etcd: the key holds no leader's entry");
  auto entry = decode_store_value(*value);
  if (!entry) return tl::unexpected(std::move(entry.error()));
  const auto read = std::from_chars(version->data(), version->data() + version->size(), entry->version);
  if (read.ec != std::errc{} || entry->version == 0) return fail(errc::corrupt, "etcd: no leader's entry: its version");
  entry->released = value_in(answer, 1) == "1";
  reading.entry = std::move(*entry);
  return reading;
}

expected<void> etcd_store::change(const std::string& key, std::uint64_t version, const puts& written,
                                  time_point deadline) {
  if (auto there = connect(deadline); !there) return there;
  json compare{{"key", to_base64(key + "/version")}, {"result", "EQUAL"}};
  if (version == 0) {
    compare["target"] = "CREATE";
    compare["create_revision"] = "0";
  } else {
    compare["target"] = "VALUE";
    compare["value"] = to_base64(std::to_string(version));
  }
  json success = json::array();
  for (const auto& [name, value] : written) {
    success.push_back({{"request_put", {{"key", to_base64(key + name)}, {"value", to_base64(value)}}}});
  }
  json transaction;
  transaction["compare"] = json::array({compare});
  transaction["success"] = std::move(success);
  const auto answer = ask(transaction, deadline);
  if (!answer) return tl::unexpected(answer.error());
  const json::json_pointer succeeded("/succeeded");  // absent when it is false
  if (answer->contains(succeeded) && answer->at(succeeded) == true) return {};
  return fail(errc::condition_failed, "etcd: another version");
}

expected<void> etcd_store::compare_and_set(const std::string& key, std::uint64_t version, const leader_entry& next,
                                           time_point deadline) {
  auto value = encode_store_value(next);
  if (!value) return tl::unexpected(std::move(value.error()));
  const puts written{{"/version", std::to_string(next.version)}, {"/released", "0"}, {"/value", std::move(*value)}};
  return change(key, version, written, deadline);
}

expected<void> etcd_store::renew(const std::string& key, std::uint64_t version, std::uint64_t next_version,
                                 time_point deadline) {
  return change(key, version, {{"/version", std::to_string(next_version)}}, deadline);
}

expected<void> etcd_store::release(const std::string& key, std::uint64_t version, std::uint64_t next_version,
                                   time_point deadline) {
  return change(key, version, {{"/version", std::to_string(next_version)}, {"/released", "1"}}, deadline);
}

}  // namespace troupe
