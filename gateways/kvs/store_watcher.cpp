#include "gateways/kvs/store_watcher.hpp"

#include <charconv>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace troupe {

namespace {

constexpr int silent_seconds = 5, between_probes_seconds = 2, probes = 3;

}  // namespace

expected<void> store_watcher::watch(const std::string& key, std::uint64_t version, time_point deadline) {
  if (last_ && key_ == key) {
    const auto told = take_told();
    if (!told) return tl::unexpected(told.error());
    // The caller knows another version, by other means than this: perhaps somebody tells nothing of his changes.
    if (*last_ != version && !*told) end();
  }
  if (!last_ || key_ != key) {
    if (auto begun = begin(key, deadline); !begun) return begun;
  }
  while (*last_ == version) {
    auto told = next(deadline);
    if (!told) {
      if (told.error().code != errc::deadline_exceeded) end();
      return tl::unexpected(std::move(told.error()));
    }
    last_ = *told;
  }
  return {};
}

void store_watcher::end() {
  last_.reset();
  drop();
}

expected<void> store_watcher::begin(const std::string& key, time_point deadline) {
  end();
  const auto read = subscribe(key, deadline);
  if (!read) {
    end();
    return tl::unexpected(read.error());
  }
  key_ = key;
  last_ = *read;
  return {};
}

/// Was anything told since the call before?
expected<bool> store_watcher::take_told() {
  for (bool any = false;; any = true) {
    auto told = next(time_point{});
    if (!told && told.error().code == errc::deadline_exceeded) return any;
    if (!told) {
      end();
      return tl::unexpected(std::move(told.error()));
    }
    last_ = *told;
  }
}

std::optional<std::uint64_t> store_version_in(std::string_view text) noexcept {
  std::uint64_t version = 0;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, version);
  if (read.ec != std::errc{} || read.ptr != end || version == 0) return std::nullopt;
  return version;
}

void watch_peer(int socket) noexcept {
  const auto set = [socket](int level, int option, int value) {
    (void)::setsockopt(socket, level, option, &value, sizeof value);
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, silent_seconds);
  set(IPPROTO_TCP, TCP_KEEPINTVL, between_probes_seconds);
  set(IPPROTO_TCP, TCP_KEEPCNT, probes);
}

}  // namespace troupe
