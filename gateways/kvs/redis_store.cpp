#include "gateways/kvs/redis_store.hpp"

#include <charconv>
#include <string_view>
#include <utility>

#include <hiredis/hiredis.h>

#include "runtime/election/store_entry.hpp"

namespace troupe {

namespace {

// Who has no right to publish still changes the entry: those who watch it are told nothing then.
// A key of another type, or a hash that is not ours, is an error and never overwritten.
constexpr const char* set_script =
    "local v = redis.call('HGET', KEYS[1], 'version')\n"
    "if not v and redis.call('EXISTS', KEYS[1]) == 1 then return 'foreign' end\n"
    "if (v or '0') ~= ARGV[1] then return 'version' end\n"
    "redis.call('HSET', KEYS[1], 'version', ARGV[2], 'released', '0', 'value', ARGV[3])\n"
    "redis.pcall('PUBLISH', KEYS[1], ARGV[2])\n"
    "return 'done'";
constexpr const char* renew_script =
    "if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then return 'version' end\n"
    "redis.call('HSET', KEYS[1], 'version', ARGV[2])\n"
    "if ARGV[3] == '1' then redis.call('HSET', KEYS[1], 'released', '1') end\n"
    "redis.pcall('PUBLISH', KEYS[1], ARGV[2])\n"
    "return 'done'";

}  // namespace

redis_store::redis_store(std::vector<std::string> addresses, std::string password)
    : dial_(addresses), password_(password), watcher_(std::move(addresses), std::move(password)) {}

redis_store::~redis_store() = default;

expected<void> redis_store::connect(time_point deadline) {
  if (connection_.is_open()) return {};
  return dial_.round<std::chrono::steady_clock>(deadline, [this](const std::string& address, time_point share) {
    if (auto opened = connection_.open(address, password_, share); !opened) return opened;
    ++connects_;
    ask_durability(share);
    if (connection_.is_open()) return expected<void>();
    return expected<void>(fail(errc::unavailable, "redis " + address + ": the connection broke"));
  });
}

void redis_store::ask_durability(time_point deadline) {
  const auto setting = [&](const char* name) -> std::string {
    if (!connection_.is_open()) return {};
    const auto answer = connection_.send({"CONFIG", "GET", name}, deadline);
    if (!answer || (*answer)->type != REDIS_REPLY_ARRAY || (*answer)->elements != 2) return {};
    return std::string(text_of(*(*answer)->element[1]));
  };
  const auto kept = setting("appendonly");
  const auto synced = setting("appendfsync");
  if (dial_.count() > 1) {
    may_forget_ = "redis may forget: a replica that takes over need not have what was confirmed";
  } else if (kept.empty() || synced.empty()) {
    may_forget_ = "redis does not say whether it keeps what it confirms";
  } else if (kept != "yes" || synced != "always") {
    may_forget_ = "redis may forget: it needs appendonly yes and appendfsync always";
  } else {
    may_forget_.clear();
  }
}

expected<redis_connection::reply> redis_store::call(const std::vector<std::string>& words, time_point deadline) {
  if (auto there = connect(deadline); !there) return tl::unexpected(std::move(there.error()));
  auto answer = connection_.send(words, deadline);
  // A replica, or one that loads: another address may do better.
  if (!answer && answer.error().code == errc::unavailable && connection_.is_open()) {
    connection_.close();
    dial_.leave();
  }
  return answer;
}

expected<leader_reading> redis_store::get(const std::string& key, time_point deadline) {
  const auto answer = call({"HMGET", key, "version", "released", "value"}, deadline);
  if (!answer) return tl::unexpected(answer.error());
  const auto& r = **answer;
  if (r.type != REDIS_REPLY_ARRAY || r.elements != 3) return fail(errc::unavailable, "redis: an unknown answer");
  leader_reading reading{std::nullopt, connects_};
  const auto version = text_of(*r.element[0]);
  if (r.element[0]->type == REDIS_REPLY_NIL && r.element[2]->type == REDIS_REPLY_NIL) return reading;
  auto entry = decode_store_value(text_of(*r.element[2]));
  if (!entry) return tl::unexpected(std::move(entry.error()));
  const auto read = std::from_chars(version.data(), version.data() + version.size(), entry->version);
  if (read.ec != std::errc{} || entry->version == 0)
    return fail(errc::corrupt, "redis: no leader's entry: its version");
  entry->released = text_of(*r.element[1]) == "1";
  reading.entry = std::move(*entry);
  return reading;
}

expected<void> redis_store::change(const std::string& script, const std::vector<std::string>& arguments,
                                   time_point deadline) {
  std::vector<std::string> words{"EVAL", script, "1"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const auto answer = call(words, deadline);
  if (!answer) return tl::unexpected(answer.error());
  const auto said = text_of(**answer);
  if (said == "done") return {};
  if (said == "version") return fail(errc::condition_failed, "redis: another version");
  return fail(errc::corrupt, "redis: the key holds no leader's entry");
}

expected<void> redis_store::compare_and_set(const std::string& key, std::uint64_t version, const leader_entry& next,
                                            time_point deadline) {
  auto value = encode_store_value(next);
  if (!value) return tl::unexpected(std::move(value.error()));
  return change(set_script, {key, std::to_string(version), std::to_string(next.version), std::move(*value)}, deadline);
}

expected<void> redis_store::renew(const std::string& key, std::uint64_t version, std::uint64_t next_version,
                                  time_point deadline) {
  return change(renew_script, {key, std::to_string(version), std::to_string(next_version), "0"}, deadline);
}

expected<void> redis_store::release(const std::string& key, std::uint64_t version, std::uint64_t next_version,
                                    time_point deadline) {
  return change(renew_script, {key, std::to_string(version), std::to_string(next_version), "1"}, deadline);
}

}  // namespace troupe
