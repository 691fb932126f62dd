#include "gateways/db/postgres_driver.hpp"

#include <fstream>
#include <sstream>
#include <utility>

#include "gateways/db/postgres_session.hpp"

namespace troupe {
namespace {

constexpr std::size_t password_bytes_max = 4096;

expected<std::string> password_of(const std::string& file) {
  if (file.empty()) return std::string{};
  std::ifstream stream(file, std::ios::binary);
  std::string text(password_bytes_max, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (stream.bad() || (text.empty() && !stream.eof())) return fail(errc::bad_config, "db.password_file cannot be read");
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  return text;
}

pool_limits limits_of(const db_config& c) {
  pool_limits l;
  l.connections_min = c.pool_min;
  l.connections_max = c.pool_max;
  l.queue_max = c.queue_max;
  l.queue_timeout = c.queue_timeout;
  l.idle = c.pool_idle;
  l.health_interval = c.health_interval;
  return l;
}

role_mode mode_of(const db_config& c) {
  if (c.namespace_roles == "off") return role_mode::off;
  return c.namespace_roles == "required" ? role_mode::required : role_mode::automatic;
}

expected<void> check_name(const std::string& name_space) {
  if (is_namespace(name_space) && !name_space.starts_with("pg_")) return {};
  return fail(errc::invalid_argument, "'" + name_space + "' is no namespace: [a-z][a-z0-9_]*, at most " +
                                          std::to_string(namespace_length_max) + " characters, not pg_");
}

}  // namespace

expected<std::shared_ptr<postgres_driver>> postgres_driver::make(const db_config& c, io_pool& io, std::uint64_t seed) {
  const auto password = password_of(c.password_file);
  if (!password) return tl::unexpected(password.error());
  auto target = postgres_target::parse(c.dsn, *password);
  if (!target) return tl::unexpected(target.error());
  return std::make_shared<postgres_driver>(std::move(*target), limits_of(c), mode_of(c), io, seed);
}

postgres_driver::postgres_driver(postgres_target target, const pool_limits& limits, role_mode roles, io_pool& io,
                                 std::uint64_t seed)
    : target_(std::move(target)), limits_(limits), roles_(roles), io_(io), seed_(seed) {}

postgres_driver::~postgres_driver() = default;

std::shared_ptr<postgres_login> postgres_driver::login_of(const std::string& name_space) {
  const std::lock_guard lock(mutex_);
  auto& login = logins_[name_space];
  if (!login) login = std::make_shared<postgres_login>(target_, name_space, roles_);
  return login;
}

role_note postgres_driver::role_of(const std::string& name_space) const {
  std::shared_ptr<postgres_login> login;
  {
    const std::lock_guard lock(mutex_);
    const auto found = logins_.find(name_space);
    if (found == logins_.end()) return {};
    login = found->second;
  }
  static constexpr const char* names[] = {"", "own", "switched", "shared"};
  return {names[static_cast<std::size_t>(login->way())], login->note()};
}

expected<std::unique_ptr<database_session>> postgres_driver::open(const std::string& name_space) {
  if (auto named = check_name(name_space); !named) return tl::unexpected(named.error());
  auto session = login_of(name_space)->open();
  if (!session) return tl::unexpected(session.error());
  return std::unique_ptr<database_session>(std::move(*session));
}

expected<std::unique_ptr<database_session>> postgres_driver::open_reader(const std::string& name_space) {
  return open(name_space);
}

std::shared_ptr<database_access> postgres_driver::connect(const std::string& name_space) {
  auto made = std::make_shared<postgres_database>(io_.next(), login_of(name_space), name_space, limits_,
                                                  seed_ ^ std::hash<std::string>{}(name_space));
  made->start();
  const std::lock_guard lock(mutex_);
  databases_.push_back(made);
  return made;
}

std::vector<database_numbers> postgres_driver::numbers() const {
  const std::lock_guard lock(mutex_);
  std::vector<database_numbers> all;
  for (const auto& d : databases_) {
    const auto& n = d->counted();
    all.push_back(
        {d->name_space(), n.connections, n.in_use, n.waiting, n.dial_failures, n.repeated, n.refused, n.breaker});
  }
  return all;
}

void postgres_driver::stop() {
  std::vector<std::shared_ptr<postgres_database>> all;
  {
    const std::lock_guard lock(mutex_);
    all.swap(databases_);
  }
  for (const auto& d : all) d->stop();
}

}  // namespace troupe
