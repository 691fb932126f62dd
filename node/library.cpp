// The library's own version, for an application that loads it.
#include <troupe/version.hpp>

namespace troupe {

const char* library_version() noexcept { return TROUPE_VERSION_STRING; }

}  // namespace troupe
