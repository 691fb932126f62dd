#include "gateways/kvs/redis_store.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include <hiredis/hiredis.h>
#include <sys/time.h>

#include "gateways/kvs/host_port.hpp"
#include "runtime/election/store_entry.hpp"

namespace troupe {

namespace {

// A key of another type, or a hash that is not ours, is an error and never overwritten.
constexpr const char* set_script =
    "local v = redis.call('HGET', KEYS[1], 'version')\n"
    "if not v and redis.call('EXISTS', KEYS[1]) == 1 then return 'foreign' end\n"
    "if (v or '0') ~= ARGV[1] then return 'version' end\n"
    "redis.call('HSET', KEYS[1], 'version', ARGV[2], 'released', '0', 'value', ARGV[3])\n"
    "return 'done'";
constexpr const char* renew_script =
    "if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then return 'version' end\n"
    "redis.call('HSET', KEYS[1], 'version', ARGV[2])\n"
    "if ARGV[3] == '1' then redis.call('HSET', KEYS[1], 'released', '1') end\n"
    "return 'done'";

timeval left_until(time_point deadline) {
  const auto left = std::max<duration>(deadline - std::chrono::steady_clock::now(), std::chrono::milliseconds(1));
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(left).count();
  return {static_cast<time_t>(us / 1'000'000), static_cast<suseconds_t>(us % 1'000'000)};
}

std::string_view text_of(const redisReply& r) {
  return r.str == nullptr ? std::string_view() : std::string_view(r.str, r.len);
}

error error_of(std::string_view text) {
  const auto begins = [&](std::string_view word) { return text.substr(0, word.size()) == word; };
  if (begins("NOAUTH") || begins("WRONGPASS") || begins("NOPERM") || text.find("AUTH") != std::string_view::npos) {
    return {errc::access_denied, "redis: " + std::string(text)};
  }
  if (text.find("WRONGTYPE") != std::string_view::npos)
    return {errc::corrupt, "redis: the key holds no leader's entry"};
  return {errc::unavailable, "redis: " + std::string(text)};
}

}  // namespace

void redis_store::closer::operator()(redisContext* c) const noexcept { redisFree(c); }
void redis_store::freer::operator()(redisReply* r) const noexcept { freeReplyObject(r); }

redis_store::redis_store(std::vector<std::string> addresses, std::string password)
    : dial_(std::move(addresses)), password_(std::move(password)) {}

redis_store::~redis_store() = default;

expected<void> redis_store::connect(time_point deadline) {
  if (connection_) return {};
  return dial_.round<std::chrono::steady_clock>(deadline, [this](const std::string& address, time_point share) {
    auto done = dial(address, share);
    if (!done) connection_.reset();
    return done;
  });
}

expected<void> redis_store::dial(const std::string& address, time_point deadline) {
  const auto [host, port] = host_port_of(address);
  connection_.reset(redisConnectWithTimeout(host.c_str(), port, left_until(deadline)));
  if (!connection_ || connection_->err != 0) {
    const std::string why = connection_ ? connection_->errstr : "out of memory";
    return fail(errc::unavailable, "redis " + address + ": " + why);
  }
  ++connects_;
  if (auto in = log_in(deadline); !in) return in;
  ask_durability(deadline);
  if (!connection_) return fail(errc::unavailable, "redis " + address + ": the connection broke");
  return {};
}

expected<void> redis_store::log_in(time_point deadline) {
  const auto answer = password_.empty() ? send({"PING"}, deadline) : send({"AUTH", password_}, deadline);
  if (!answer) return tl::unexpected(answer.error());
  return {};
}

void redis_store::ask_durability(time_point deadline) {
  const auto setting = [&](const char* name) -> std::string {
    if (!connection_) return {};
    const auto answer = send({"CONFIG", "GET", name}, deadline);
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

expected<redis_store::reply> redis_store::send(const std::vector<std::string>& words, time_point deadline) {
  if (std::chrono::steady_clock::now() >= deadline) return fail(errc::deadline_exceeded, "redis");
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  for (const auto& w : words) {
    texts.push_back(w.data());
    sizes.push_back(w.size());
  }
  redisSetTimeout(connection_.get(), left_until(deadline));
  reply answer(static_cast<redisReply*>(
      redisCommandArgv(connection_.get(), static_cast<int>(words.size()), texts.data(), sizes.data())));
  if (!answer) {  // what the server answers later must not be taken for the next answer
    const bool late = connection_->err == REDIS_ERR_IO && std::chrono::steady_clock::now() >= deadline;
    std::string why = "redis " + dial_.address() + ": " + connection_->errstr;
    connection_.reset();
    return fail(late ? errc::deadline_exceeded : errc::unavailable, std::move(why));
  }
  if (answer->type != REDIS_REPLY_ERROR) return answer;
  auto why = error_of(text_of(*answer));
  if (why.code == errc::unavailable) {  // a replica, or one that loads: another address may do better
    connection_.reset();
    dial_.leave();
  }
  return tl::unexpected(std::move(why));
}

expected<redis_store::reply> redis_store::call(const std::vector<std::string>& words, time_point deadline) {
  if (auto there = connect(deadline); !there) return tl::unexpected(std::move(there.error()));
  return send(words, deadline);
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
