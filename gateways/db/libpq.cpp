#include "gateways/db/libpq.hpp"

#include "gateways/shared_library.hpp"
#include "runtime/base/check.hpp"

namespace troupe {

namespace {

expected<libpq> load() {
  const auto library = shared_library::load("libpq.so.5");
  if (!library) return tl::unexpected(library.error());
  libpq table;
#define TROUPE_FIND(name) \
  if (auto found = library->find(#name, table.name); !found) return tl::unexpected(found.error());
  TROUPE_LIBPQ_FUNCTIONS(TROUPE_FIND)
#undef TROUPE_FIND
  return table;
}

const expected<libpq>& loaded() {
  static const expected<libpq> table = load();
  return table;
}

}  // namespace

expected<void> load_libpq() {
  if (!loaded()) return tl::unexpected(loaded().error());
  return {};
}

const libpq& pq() noexcept {
  TROUPE_CHECK(loaded().has_value());
  return *loaded();
}

}  // namespace troupe
