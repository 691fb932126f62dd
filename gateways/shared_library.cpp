#include "gateways/shared_library.hpp"

#include <string>

#include <dlfcn.h>

namespace troupe {

expected<shared_library> shared_library::load(const char* soname) {
  if (void* handle = ::dlopen(soname, RTLD_NOW | RTLD_LOCAL)) return shared_library(handle);
  return fail(errc::unavailable, "cannot load " + std::string(::dlerror()));
}

expected<void*> shared_library::address_of(const char* name) const {
  if (void* found = ::dlsym(handle_, name)) return found;
  return fail(errc::unavailable, "cannot load " + std::string(::dlerror()));
}

}  // namespace troupe
