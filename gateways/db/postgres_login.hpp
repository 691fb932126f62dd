// Who the connections of one namespace log in as. Each namespace has a role of its own, which owns what is in its
// schema and may do nothing elsewhere, so that its SQL reaches no other namespace, whatever names it uses.
//
//   way        connections                         a statement can leave it by
//   own        log in as the role                  nothing
//   switched   of the DSN's login, in the role     SET ROLE, where it is not looked at (inside a function)
//   shared     of the DSN's login                  a qualified name
//
// `own` wants a login that may create roles, and a server that lets the new one in as it does the other one
// (pg_hba.conf). Where it does not, the next best way is taken, unless db.namespace_roles says otherwise, and the note
// tells why. Thread-safe. Until the way is known, nobody dials.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "gateways/db/postgres_target.hpp"

namespace troupe {

class postgres_session;

enum class role_mode : std::uint8_t { automatic, required, off };
enum class role_way : std::uint8_t { unknown, own, switched, shared };

/// troupe_DIGEST_NAMESPACE: roles belong to all databases of a server, namespaces to one.
[[nodiscard]] std::string namespace_role(const std::string& database, const std::string& name_space);

class postgres_login {
 public:
  postgres_login(postgres_target target, std::string name_space, role_mode mode)
      : target_(std::move(target)), name_space_(std::move(name_space)), mode_(mode) {}

  /// A blocking session of the namespace, whose schema and role are made when they are not there. errc::bad_config when
  /// db.namespace_roles requires a role and there can be none; else as postgres_session::open.
  [[nodiscard]] expected<std::unique_ptr<postgres_session>> open();

  /// What a connection to that side dials; none until open() has succeeded once.
  [[nodiscard]] std::optional<postgres_target> target(postgres_role side) const;

  [[nodiscard]] role_way way() const;
  /// Why it is not `own`; empty: it is, or nobody wants it.
  [[nodiscard]] std::string note() const;

 private:
  [[nodiscard]] postgres_target by(role_way way, const std::string& role, postgres_role side) const;
  [[nodiscard]] postgres_target owner() const;
  [[nodiscard]] expected<std::unique_ptr<postgres_session>> enter(role_way way, const std::string& role);
  [[nodiscard]] expected<std::unique_ptr<postgres_session>> enter_best(const std::string& role,
                                                                       postgres_session& owner);
  [[nodiscard]] expected<std::unique_ptr<postgres_session>> share(const std::string& why);
  void settle(role_way way, const std::string& role, std::string note);

  const postgres_target target_;
  const std::string name_space_;
  const role_mode mode_;
  mutable std::mutex mutex_;
  role_way way_ = role_way::unknown;  // guarded by mutex_, as the next ones
  std::string role_;
  std::string note_;
};

}  // namespace troupe
