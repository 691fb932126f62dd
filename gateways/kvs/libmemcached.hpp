// The functions of libmemcached, loaded when memcached is first asked for: memcached().mget(...) is
// memcached_mget(...).
#pragma once

#include <libmemcached/memcached.h>

#include <troupe/error.hpp>

namespace troupe {

// clang-format off
#define TROUPE_LIBMEMCACHED_FUNCTIONS(f)                                                              \
  f(add) f(behavior_set) f(cas) f(create)                     \
  f(fetch_result) f(free) f(mget) f(result_cas)               \
  f(result_free) f(result_length) f(result_value)                       \
  f(server_add) f(stat) f(stat_free) f(strerror)
// clang-format on

struct libmemcached {
#define TROUPE_MEMBER(name) decltype(&::memcached_##name) name = nullptr;
  TROUPE_LIBMEMCACHED_FUNCTIONS(TROUPE_MEMBER)
#undef TROUPE_MEMBER
};

/// Loads libmemcached.so.11, once; the same answer ever after. errc::unavailable.
[[nodiscard]] expected<void> load_libmemcached();

/// After load_libmemcached() has succeeded.
[[nodiscard]] const libmemcached& memcached() noexcept;

}  // namespace troupe
