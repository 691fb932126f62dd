// Where a connection goes and how it begins: the DSN taken apart once, with what every connection of ours has in
// addition. What the DSN says itself prevails. Its password is never given out as text.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include <troupe/error.hpp>

#include "gateways/db/libpq.hpp"

namespace troupe {

/// One place to dial; what is empty is left to libpq.
struct postgres_place {
  std::string host;
  std::string address;
  std::string port;
};

/// One try: a place, and what its server must be (target_session_attrs).
struct postgres_attempt {
  postgres_place place;
  std::string session;
};

enum class postgres_role : std::uint8_t { primary, standby };

class postgres_target {
 public:
  using words = std::map<std::string, std::string>;

  /// Loads libpq. bad_config for a DSN that is none (the context holds no password), unavailable without libpq.
  [[nodiscard]] static expected<postgres_target> parse(const std::string& dsn, const std::string& password);

  /// For connections that live in the schema `name_space`; a standby is only preferred.
  [[nodiscard]] postgres_target in(const std::string& name_space, postgres_role role) const;

  /// The same for connections that log in as `role`, with the password that was made for it (role_password).
  [[nodiscard]] postgres_target as(const std::string& role) const;
  /// The same for connections of the DSN's login that begin as `role`, and come back to it by RESET ROLE.
  [[nodiscard]] postgres_target switched_to(const std::string& role) const;
  /// Of a role that nodes make: from the DSN's own password, so that nodes with the same one agree; empty without.
  [[nodiscard]] std::string role_password(const std::string& role) const;

  /// The same for connections to that one server, whatever it is by now.
  [[nodiscard]] postgres_target only(const postgres_place& place) const;

  /// In the order of the DSN; at least one.
  [[nodiscard]] std::vector<postgres_place> places() const;
  /// Its host is a name that has to be looked up.
  [[nodiscard]] static bool is_name(const postgres_place& place);
  /// What is tried in turn, a place at a time: libpq would not leave a place that is silent.
  [[nodiscard]] std::vector<postgres_attempt> attempts(const std::vector<postgres_place>& places) const;

  /// Begins a connection. Null without memory.
  [[nodiscard]] PGconn* dial(const postgres_attempt& attempt) const;

 private:
  [[nodiscard]] std::vector<std::string> list(const char* word) const;
  void put(const postgres_place& place);

  words words_;
};

}  // namespace troupe
