#include "gateways/db/postgres_target.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include <boost/asio/ip/address.hpp>

#include "actors/link/hmac.hpp"
#include "gateways/db/postgres_values.hpp"

namespace troupe {
namespace {

// A client that is gone must not hold locks for long; a network that is gone must be noticed.
constexpr std::pair<const char*, const char*> defaults[] = {
    {"application_name", "troupe"}, {"keepalives_idle", "10"},     {"keepalives_interval", "5"},
    {"keepalives_count", "3"},      {"tcp_user_timeout", "15000"}, {"client_encoding", "UTF8"},
};
// The DSN's own options come after these and prevail,
constexpr const char* usual_options =
    "-c idle_in_transaction_session_timeout=60s -c client_connection_check_interval=5s";
// but not over these: how values are written, which schema it is, and that a warning about a lost wait is sent.
constexpr const char* fixed_options =
    "-c standard_conforming_strings=on -c bytea_output=hex -c client_min_messages=warning";

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
  const auto hosts = t.list("host"), addresses = t.list("hostaddr"), ports = t.list("port");
  const auto places = std::max(hosts.size(), addresses.size());
  const bool hosts_fit = hosts.empty() || addresses.empty() || hosts.size() == addresses.size();
  if (!hosts_fit || (ports.size() > 1 && ports.size() != places))
    return fail(errc::bad_config, "db.dsn has lists of hosts and ports of different length");
  return t;
}

postgres_target postgres_target::in(const std::string& name_space, postgres_role role) const {
  postgres_target t = *this;
  auto& options = t.words_["options"];
  options = std::string(usual_options) + " " + options + " " + fixed_options +
            (name_space.empty() ? "" : " -c search_path=" + name_space);
  if (role == postgres_role::standby)
    t.words_["target_session_attrs"] = "prefer-standby";
  else
    t.words_.emplace("target_session_attrs", "read-write");
  return t;
}

std::string postgres_target::role_password(const std::string& role) const {
  const auto own = words_.find("password");
  if (own == words_.end() || own->second.empty()) return {};
  std::string digits;
  for (const char c : hmac_sha256(own->second, "troupe role " + role)) {
    const auto byte = static_cast<unsigned char>(c);
    digits += "0123456789abcdef"[byte >> 4U];
    digits += "0123456789abcdef"[byte & 15U];
  }
  return digits;
}

postgres_target postgres_target::as(const std::string& role) const {
  postgres_target t = *this;
  t.words_["user"] = role;
  const auto password = role_password(role);
  if (password.empty())
    t.words_.erase("password");
  else
    t.words_["password"] = password;
  return t;
}

postgres_target postgres_target::switched_to(const std::string& role) const {
  postgres_target t = *this;
  t.words_["options"] += " -c role=" + role;
  return t;
}

postgres_target postgres_target::only(const postgres_place& place) const {
  postgres_target t = *this;
  t.put(place);
  t.words_["target_session_attrs"] = "any";
  return t;
}

std::vector<std::string> postgres_target::list(const char* word) const {
  const auto found = words_.find(word);
  return found == words_.end() || found->second.empty() ? std::vector<std::string>{} : split(found->second);
}

void postgres_target::put(const postgres_place& place) {
  words_["host"] = place.host;
  words_["hostaddr"] = place.address;
  words_["port"] = place.port;
}

std::vector<postgres_place> postgres_target::places() const {
  const auto hosts = list("host"), addresses = list("hostaddr"), ports = list("port");
  std::vector<postgres_place> all(std::max<std::size_t>(1, std::max(hosts.size(), addresses.size())));
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i < hosts.size()) all[i].host = hosts[i];
    if (i < addresses.size()) all[i].address = addresses[i];
    if (!ports.empty()) all[i].port = ports[ports.size() == 1 ? 0 : i];
  }
  return all;
}

bool postgres_target::is_name(const postgres_place& place) {
  if (place.host.empty() || !place.address.empty() || place.host.front() == '/' || place.host.front() == '@')
    return false;
  boost::system::error_code no_address;
  boost::asio::ip::make_address(place.host, no_address);
  return static_cast<bool>(no_address);
}

std::vector<postgres_attempt> postgres_target::attempts(const std::vector<postgres_place>& places) const {
  const auto wanted = words_.find("target_session_attrs");
  std::vector<std::string> in_turn{wanted == words_.end() ? "any" : wanted->second};
  if (in_turn.front() == "prefer-standby") in_turn = {"standby", "any"};
  std::vector<postgres_attempt> all;
  for (const auto& session : in_turn)
    for (const auto& place : places) all.push_back({place, session});
  return all;
}

PGconn* postgres_target::dial(const postgres_attempt& attempt) const {
  postgres_target one = *this;
  one.put(attempt.place);
  one.words_["target_session_attrs"] = attempt.session;
  std::vector<const char*> keys, values;
  for (const auto& [key, value] : one.words_) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);
  return pq().PQconnectStartParams(keys.data(), values.data(), 0);
}

}  // namespace troupe
