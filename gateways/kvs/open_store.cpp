#include "gateways/kvs/open_store.hpp"

#include <cctype>
#include <string>

#include "actors/disk/durable_file.hpp"
#include "gateways/db/libpq.hpp"
#include "gateways/kvs/etcd_store.hpp"
#include "gateways/kvs/libmemcached.hpp"
#include "gateways/kvs/memcached_store.hpp"
#include "gateways/kvs/postgres_store.hpp"
#include "gateways/kvs/redis_store.hpp"

namespace troupe {

namespace {

constexpr std::size_t password_bytes_max = 64 * kib;

expected<std::string> password_of(const config& c) {
  if (c.kvs.password_file.empty()) return std::string{};
  auto bytes = read_whole(c.kvs.password_file, password_bytes_max);
  if (!bytes) return fail(errc::bad_config, "kvs.password_file " + describe(bytes.error()));
  while (!bytes->empty() && std::isspace(static_cast<unsigned char>(bytes->back())) != 0) bytes->pop_back();
  return bytes;
}

}  // namespace

expected<std::shared_ptr<leader_store>> open_leader_store(const config& c) {
  const auto& type = c.kvs.type;
  if (type == "votes" || type == "local_standalone") return std::shared_ptr<leader_store>();
  auto password = password_of(c);
  if (!password) return tl::unexpected(std::move(password.error()));
  if (type == "redis") return std::make_shared<redis_store>(c.kvs.addresses, std::move(*password));
  if (type == "postgres") {
    if (auto there = load_libpq(); !there) return tl::unexpected(std::move(there.error()));
    return std::make_shared<postgres_store>(c.kvs.dsn, std::move(*password));
  }
  if (type == "etcd") return std::make_shared<etcd_store>(c.kvs.addresses, std::move(*password));
  if (type == "memcached") {
    if (!password->empty()) return fail(errc::bad_config, "kvs.password_file is of no use with memcached");
    if (auto there = load_libmemcached(); !there) return tl::unexpected(std::move(there.error()));
    return std::make_shared<memcached_store>(c.kvs.addresses.front());
  }
  return fail(errc::not_implemented, "kvs.type " + type);
}

}  // namespace troupe
