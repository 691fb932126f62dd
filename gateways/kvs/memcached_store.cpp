#include "gateways/kvs/memcached_store.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "gateways/kvs/host_port.hpp"
#include "gateways/kvs/libmemcached.hpp"
#include "runtime/election/store_entry.hpp"

namespace troupe {

namespace {

std::string bytes_of(const leader_entry& e, const std::string& value) {
  return std::to_string(e.version) + (e.released ? " 1\n" : " 0\n") + value;
}

expected<leader_entry> entry_in(std::string_view bytes) {
  std::uint64_t version = 0;
  const auto read = std::from_chars(bytes.data(), bytes.data() + bytes.size(), version);
  const auto at = static_cast<std::size_t>(read.ptr - bytes.data());
  const auto flag = bytes.substr(at, 3);
  const bool sound = read.ec == std::errc{} && version != 0 && (flag == " 0\n" || flag == " 1\n");
  if (!sound) return fail(errc::corrupt, "memcached: the key holds no leader's entry");
  auto entry = decode_store_value(bytes.substr(at + 3));
  if (!entry) return entry;
  entry->version = version;
  entry->released = flag[1] == '1';
  return entry;
}

}  // namespace

void memcached_store::closer::operator()(memcached_st* m) const noexcept { memcached().free(m); }

memcached_store::memcached_store(std::string address) : address_(std::move(address)) {}
memcached_store::~memcached_store() = default;

void memcached_store::set_limits(time_point deadline) {
  const auto left = std::max<duration>(deadline - std::chrono::steady_clock::now(), std::chrono::milliseconds(1));
  const auto us = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(left).count());
  auto* m = connection_.get();
  memcached().behavior_set(m, MEMCACHED_BEHAVIOR_CONNECT_TIMEOUT, us / 1000);
  memcached().behavior_set(m, MEMCACHED_BEHAVIOR_POLL_TIMEOUT, us / 1000);
  memcached().behavior_set(m, MEMCACHED_BEHAVIOR_SND_TIMEOUT, us);
  memcached().behavior_set(m, MEMCACHED_BEHAVIOR_RCV_TIMEOUT, us);
}

expected<void> memcached_store::connect(time_point deadline) {
  if (std::chrono::steady_clock::now() >= deadline) return fail(errc::deadline_exceeded, "memcached");
  if (auto there = load_libmemcached(); !there) return there;
  if (!connection_) {
    const auto [host, port] = host_port_of(address_);
    connection_.reset(memcached().create(nullptr));
    memcached().behavior_set(connection_.get(), MEMCACHED_BEHAVIOR_SUPPORT_CAS, 1);
    memcached().behavior_set(connection_.get(), MEMCACHED_BEHAVIOR_TCP_NODELAY, 1);
    memcached().server_add(connection_.get(), host.c_str(), port);
    ++runs_;
  }
  set_limits(deadline);
  return {};
}

error memcached_store::lost(int code, time_point deadline) {
  const auto rc = static_cast<memcached_return_t>(code);
  std::string why = "memcached " + address_ + ": " + memcached().strerror(connection_.get(), rc);
  if (rc == MEMCACHED_E2BIG) return {errc::too_large, std::move(why)};
  if (rc == MEMCACHED_AUTH_FAILURE || rc == MEMCACHED_AUTH_PROBLEM) return {errc::access_denied, std::move(why)};
  connection_.reset();
  return {std::chrono::steady_clock::now() >= deadline ? errc::deadline_exceeded : errc::unavailable, std::move(why)};
}

expected<void> memcached_store::look_for_restart() {
  memcached_return_t rc = MEMCACHED_SUCCESS;
  auto* stats = memcached().stat(connection_.get(), nullptr, &rc);
  const bool told = stats != nullptr && (rc == MEMCACHED_SUCCESS || rc == MEMCACHED_SOME_ERRORS);
  const server_process seen =
      told ? server_process{stats->pid, static_cast<std::int64_t>(stats->time - stats->uptime)} : server_process{};
  if (stats != nullptr) memcached().stat_free(connection_.get(), stats);
  if (!told || rc != MEMCACHED_SUCCESS) return fail(errc::unavailable, "memcached: no statistics");
  if (seen != server_) ++runs_;
  server_ = seen;
  return {};
}

expected<memcached_store::held> memcached_store::fetch(const std::string& key, time_point deadline) {
  if (auto there = connect(deadline); !there) return tl::unexpected(std::move(there.error()));
  if (auto looked = look_for_restart(); !looked) return tl::unexpected(lost(MEMCACHED_CONNECTION_FAILURE, deadline));
  auto* m = connection_.get();
  const char* const keys[] = {key.data()};
  const std::size_t sizes[] = {key.size()};
  memcached_return_t rc = memcached().mget(m, keys, sizes, 1);
  if (rc != MEMCACHED_SUCCESS) return tl::unexpected(lost(rc, deadline));
  held found;
  expected<leader_entry> entry;
  bool there = false;
  while (auto* r = memcached().fetch_result(m, nullptr, &rc)) {
    there = true;
    found.token = memcached().result_cas(r);
    entry = entry_in({memcached().result_value(r), memcached().result_length(r)});
    memcached().result_free(r);
  }
  if (rc != MEMCACHED_END && rc != MEMCACHED_NOTFOUND && rc != MEMCACHED_SUCCESS) {
    return tl::unexpected(lost(rc, deadline));
  }
  if (!there) return found;
  if (!entry) return tl::unexpected(std::move(entry.error()));
  found.entry = std::move(*entry);
  return found;
}

expected<leader_reading> memcached_store::get(const std::string& key, time_point deadline) {
  auto found = fetch(key, deadline);
  if (!found) return tl::unexpected(std::move(found.error()));
  return leader_reading{std::move(found->entry), runs_};
}

expected<void> memcached_store::put(const std::string& key, std::uint64_t token, const leader_entry& next) {
  const auto value = encode_store_value(next);
  if (!value) return tl::unexpected(value.error());
  const auto bytes = bytes_of(next, *value);
  auto* m = connection_.get();
  const auto rc = token == 0 ? memcached().add(m, key.data(), key.size(), bytes.data(), bytes.size(), 0, 0)
                             : memcached().cas(m, key.data(), key.size(), bytes.data(), bytes.size(), 0, 0, token);
  if (rc == MEMCACHED_SUCCESS) return {};
  if (rc == MEMCACHED_DATA_EXISTS || rc == MEMCACHED_NOTSTORED || rc == MEMCACHED_NOTFOUND) {
    return fail(errc::condition_failed, "memcached: another version");
  }
  return tl::unexpected(lost(rc, time_point::max()));
}

// Read, compared and written by cas: nobody else has written in between.
expected<void> memcached_store::compare_and_set(const std::string& key, std::uint64_t version, const leader_entry& next,
                                                time_point deadline) {
  const auto found = fetch(key, deadline);
  if (!found) return tl::unexpected(found.error());
  if ((found->entry ? found->entry->version : 0) != version) {
    return fail(errc::condition_failed, "memcached: another version");
  }
  auto written = next;
  written.released = false;
  return put(key, found->token, written);
}

expected<void> memcached_store::renew(const std::string& key, std::uint64_t version, std::uint64_t next_version,
                                      time_point deadline) {
  auto found = fetch(key, deadline);
  if (!found) return tl::unexpected(std::move(found.error()));
  if (!found->entry || found->entry->version != version) {
    return fail(errc::condition_failed, "memcached: another version");
  }
  found->entry->version = next_version;
  return put(key, found->token, *found->entry);
}

expected<void> memcached_store::release(const std::string& key, std::uint64_t version, std::uint64_t next_version,
                                        time_point deadline) {
  auto found = fetch(key, deadline);
  if (!found) return tl::unexpected(std::move(found.error()));
  if (!found->entry || found->entry->version != version) {
    return fail(errc::condition_failed, "memcached: another version");
  }
  found->entry->version = next_version;
  found->entry->released = true;
  return put(key, found->token, *found->entry);
}

}  // namespace troupe
