#include "gateways/db/postgres_login.hpp"

#include <utility>

#include "gateways/db/postgres_session.hpp"
#include "runtime/entities/names.hpp"

namespace troupe {

std::string namespace_role(const std::string& database, const std::string& name_space) {
  return "troupe_" + hash_digits(text_hash(database)) + "_" + name_space;
}

postgres_target postgres_login::by(role_way way, const std::string& role, postgres_role side) const {
  const auto target = target_.in(name_space_, side);
  if (way == role_way::own) return target.as(role);
  return way == role_way::switched ? target.switched_to(role) : target;
}

std::optional<postgres_target> postgres_login::target(postgres_role side) const {
  const std::lock_guard lock(mutex_);
  if (way_ == role_way::unknown) return std::nullopt;
  return by(way_, role_, side);
}

role_way postgres_login::way() const {
  const std::lock_guard lock(mutex_);
  return way_;
}

std::string postgres_login::note() const {
  const std::lock_guard lock(mutex_);
  return note_;
}

void postgres_login::settle(role_way way, const std::string& role, std::string note) {
  const std::lock_guard lock(mutex_);
  way_ = way;
  role_ = role;
  note_ = std::move(note);
}

// It has rights that the role has not: no name that it uses may be found among what the role has made.
postgres_target postgres_login::owner() const { return target_.in("pg_catalog", postgres_role::primary); }

expected<std::unique_ptr<postgres_session>> postgres_login::enter(role_way way, const std::string& role) {
  return postgres_session::open({by(way, role, postgres_role::primary), owner(), name_space_, role});
}

// What was settled is tried first: nothing has to be made then. A schema that somebody dropped is made anew.
expected<std::unique_ptr<postgres_session>> postgres_login::open() {
  role_way way = role_way::unknown;
  std::string role;
  {
    const std::lock_guard lock(mutex_);
    way = way_;
    role = role_;
  }
  if (way == role_way::own || way == role_way::switched) {
    auto session = enter(way, role);
    if (!session) return session;
    if (const auto whole = (*session)->has_all(); !whole || *whole) {
      if (!whole) return tl::unexpected(whole.error());
      return session;
    }
  }
  auto login = postgres_session::open({owner(), owner(), name_space_, {}});
  if (!login) return login;
  if (auto made = (*login)->make_schema(); !made) return tl::unexpected(made.error());
  if (mode_ == role_mode::off) return share("");
  auto given = (*login)->make_role(target_);
  if (given) return enter_best(*given, **login);
  const auto why = given.error().code;
  if (why == errc::access_denied || why == errc::invalid_argument) return share(given.error().context);
  return tl::unexpected(std::move(given.error()));
}

// While the owner's session works and the role's does not, it is the server that keeps the role out.
expected<std::unique_ptr<postgres_session>> postgres_login::enter_best(const std::string& role,
                                                                       postgres_session& owner) {
  auto own = enter(role_way::own, role);
  if (own) {
    settle(role_way::own, role, "");
    return own;
  }
  if (const auto alive = owner.run("select 1", {}); !alive) return tl::unexpected(alive.error());
  if (mode_ == role_mode::required)
    return fail(errc::bad_config,
                "db.namespace_roles: the server does not let " + role + " in: " + own.error().context);
  auto switched = enter(role_way::switched, role);
  if (!switched) return switched;
  settle(role_way::switched, role, "the server does not let " + role + " in: " + own.error().context);
  return switched;
}

expected<std::unique_ptr<postgres_session>> postgres_login::share(const std::string& why) {
  if (mode_ == role_mode::required) return fail(errc::bad_config, "db.namespace_roles: " + why);
  auto session = enter(role_way::shared, {});
  if (session) settle(role_way::shared, {}, why);
  return session;
}

}  // namespace troupe
