#include "gateways/kvs/libmemcached.hpp"

#include "gateways/shared_library.hpp"
#include "runtime/base/check.hpp"

namespace troupe {

namespace {

expected<libmemcached> load() {
  const auto library = shared_library::load("libmemcached.so.11");
  if (!library) return tl::unexpected(library.error());
  libmemcached table;
#define TROUPE_FIND(name) \
  if (auto found = library->find("memcached_" #name, table.name); !found) return tl::unexpected(found.error());
  TROUPE_LIBMEMCACHED_FUNCTIONS(TROUPE_FIND)
#undef TROUPE_FIND
  return table;
}

const expected<libmemcached>& loaded() {
  static const expected<libmemcached> table = load();
  return table;
}

}  // namespace

expected<void> load_libmemcached() {
  if (!loaded()) return tl::unexpected(loaded().error());
  return {};
}

const libmemcached& memcached() noexcept {
  TROUPE_CHECK(loaded().has_value());
  return *loaded();
}

}  // namespace troupe
