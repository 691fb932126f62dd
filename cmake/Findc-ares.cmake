# Finds c-ares, the asynchronous resolver (libc-ares-dev ships no CMake package).
#
# Imported target: c-ares::cares.  Variables: c-ares_FOUND, c-ares_VERSION.
find_path(C_ARES_INCLUDE_DIR ares.h)
find_library(C_ARES_LIBRARY cares)

if(C_ARES_INCLUDE_DIR)
  file(STRINGS ${C_ARES_INCLUDE_DIR}/ares_version.h c_ares_version_line REGEX "#define ARES_VERSION_STR ")
  string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" c-ares_VERSION "${c_ares_version_line}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(c-ares REQUIRED_VARS C_ARES_LIBRARY C_ARES_INCLUDE_DIR VERSION_VAR c-ares_VERSION)

if(c-ares_FOUND AND NOT TARGET c-ares::cares)
  add_library(c-ares::cares UNKNOWN IMPORTED)
  set_target_properties(c-ares::cares PROPERTIES
    IMPORTED_LOCATION ${C_ARES_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${C_ARES_INCLUDE_DIR})
endif()
mark_as_advanced(C_ARES_INCLUDE_DIR C_ARES_LIBRARY)
