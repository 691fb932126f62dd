#include "gateways/db/postgres_target.hpp"

#include <memory>
#include <utility>

#include <boost/asio/ip/address.hpp>

#include "gateways/db/postgres_values.hpp"

namespace troupe {
namespace {

// A client that is gone must not hold locks for long; a network that is gone must be noticed.
constexpr std::pair<const char*, const char*> defaults[] = {
    {"application_name", "troupe"}, {"keepalives_idle", "10"},     {"keepalives_interval", "5"},
    {"keepalives_count", "3"},      {"tcp_user_timeout", "15000"}, {"client_encoding", "UTF8"},
};
constexpr const char* session_options =
    "-c idle_in_transaction_session_timeout=60s -c client_connection_check_interval=5s "
    "-c standard_conforming_strings=on";

bool is_name(const std::string& host) {
  if (host.empty() || host.front() == '/' || host.front() == '@') return false;
  boost::system::error_code no_address;
  boost::asio::ip::make_address(host, no_address);
  return static_cast<bool>(no_address);
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts(1);
  for (const char c : list) {
    if (c == ',')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

void append(std::string& list, const std::string& item, bool first) { list.append(first ? "" : ",").append(item); }

}  // namespace

expected<postgres_target> postgres_target::parse(const std::string& dsn, const std::string& password) {
  if (auto loaded = load_libpq(); !loaded) return tl::unexpected(loaded.error());
  char* why = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(pq().PQconninfoFree)> all(pq().PQconninfoParse(dsn.c_str(), &why),
                                                                             pq().PQconninfoFree);
  if (!all) {  // what libpq says may quote the DSN
    pq().PQfreemem(why);
    return fail(errc::bad_config, "db.dsn is no connection string of PostgreSQL");
  }
  postgres_target t;
  for (const auto* o = all.get(); o->keyword != nullptr; ++o)
    if (o->val != nullptr) t.words_[o->keyword] = o->val;
  for (const auto& [name, value] : defaults) t.words_.emplace(name, value);
  if (!password.empty()) t.words_["password"] = password;
  return t;
}

postgres_target postgres_target::in(const std::string& name_space, postgres_role role) const {
  postgres_target t = *this;
  auto& options = t.words_["options"];
  options = std::string(session_options) + (name_space.empty() ? "" : " -c search_path=" + name_space) +
            (options.empty() ? "" : " ") + options;
  if (role == postgres_role::standby)
    t.words_["target_session_attrs"] = "prefer-standby";
  else
    t.words_.emplace("target_session_attrs", "read-write");
  return t;
}

std::vector<std::string> postgres_target::hosts() const {
  const auto found = words_.find("host");
  return found == words_.end() || words_.count("hostaddr") > 0 ? std::vector<std::string>{} : split(found->second);
}

bool postgres_target::has_names() const {
  for (const auto& host : hosts())
    if (is_name(host)) return true;
  return false;
}

PGconn* postgres_target::dial(const std::vector<std::vector<std::string>>& addresses) const {
  words w = words_;
  const auto names = hosts();
  if (!addresses.empty()) {
    const auto port = w.find("port");
    const auto ports = port == w.end() ? std::vector<std::string>{} : split(port->second);
    std::string host_list, address_list, port_list;
    bool first = true;
    for (std::size_t i = 0; i < names.size(); ++i) {
      for (const auto& address : addresses[i]) {
        append(host_list, names[i], first);
        append(address_list, address, first);
        if (!ports.empty()) append(port_list, ports[ports.size() == 1 ? 0 : i], first);
        first = false;
      }
    }
    w["host"] = host_list;
    w["hostaddr"] = address_list;
    if (!ports.empty()) w["port"] = port_list;
  }
  std::vector<const char*> keys, values;
  for (const auto& [key, value] : w) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);
  return pq().PQconnectStartParams(keys.data(), values.data(), 0);
}

}  // namespace troupe
