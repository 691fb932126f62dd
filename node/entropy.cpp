#include "node/entropy.hpp"

#include <sys/random.h>

#include "runtime/base/check.hpp"

namespace troupe {

entropy entropy::draw() {
  entropy e;
  // Up to 256 bytes come whole and without blocking once the kernel has booted (getrandom(2)).
  TROUPE_CHECK(::getrandom(&e, sizeof e, 0) == static_cast<ssize_t>(sizeof e));
  return e;
}

}  // namespace troupe
