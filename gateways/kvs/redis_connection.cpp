#include "gateways/kvs/redis_connection.hpp"

#include <algorithm>
#include <utility>

#include <hiredis/hiredis.h>
#include <poll.h>
#include <sys/time.h>

#include "gateways/kvs/host_port.hpp"

namespace troupe {

namespace {

timeval left_until(time_point deadline) {
  const auto left = std::max<duration>(deadline - std::chrono::steady_clock::now(), std::chrono::milliseconds(1));
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(left).count();
  return {static_cast<time_t>(us / 1'000'000), static_cast<suseconds_t>(us % 1'000'000)};
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

bool readable(int socket, time_point deadline) {
  pollfd p{socket, POLLIN, 0};
  const auto now = std::chrono::steady_clock::now();
  const auto left = deadline <= now ? 0 : std::chrono::ceil<std::chrono::milliseconds>(deadline - now).count();
  return ::poll(&p, 1, static_cast<int>(left)) > 0;
}

}  // namespace

void redis_connection::closer::operator()(redisContext* c) const noexcept { redisFree(c); }
void redis_connection::freer::operator()(redisReply* r) const noexcept { freeReplyObject(r); }

std::string_view text_of(const redisReply& r) noexcept {
  return r.str == nullptr ? std::string_view() : std::string_view(r.str, r.len);
}

int redis_connection::socket() const noexcept { return connection_->fd; }

expected<void> redis_connection::open(const std::string& address, const std::string& password, time_point deadline) {
  const auto [host, port] = host_port_of(address);
  address_ = address;
  connection_.reset(redisConnectWithTimeout(host.c_str(), port, left_until(deadline)));
  if (!connection_ || connection_->err != 0) {
    const std::string why = connection_ ? connection_->errstr : "out of memory";
    connection_.reset();
    return fail(errc::unavailable, "redis " + address + ": " + why);
  }
  const auto in = password.empty() ? send({"PING"}, deadline) : send({"AUTH", password}, deadline);
  if (in) return {};
  connection_.reset();
  return tl::unexpected(in.error());
}

error redis_connection::lost(errc code) {
  error why{code, "redis " + address_ + ": " + connection_->errstr};
  connection_.reset();
  return why;
}

expected<redis_connection::reply> redis_connection::send(const std::vector<std::string>& words, time_point deadline) {
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
  if (!answer) {
    const bool late = connection_->err == REDIS_ERR_IO && std::chrono::steady_clock::now() >= deadline;
    return tl::unexpected(lost(late ? errc::deadline_exceeded : errc::unavailable));
  }
  if (answer->type != REDIS_REPLY_ERROR) return answer;
  return tl::unexpected(error_of(text_of(*answer)));
}

expected<redis_connection::reply> redis_connection::next(time_point deadline) {
  for (;;) {
    void* got = nullptr;
    if (redisGetReplyFromReader(connection_.get(), &got) != REDIS_OK) return tl::unexpected(lost(errc::unavailable));
    if (got != nullptr) return reply(static_cast<redisReply*>(got));
    if (!readable(connection_->fd, deadline)) return fail(errc::deadline_exceeded, "redis: nothing was told");
    if (redisBufferRead(connection_.get()) != REDIS_OK) return tl::unexpected(lost(errc::unavailable));
  }
}

}  // namespace troupe
