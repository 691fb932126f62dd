# Every third-party package the project uses, in one place; troupeConfig.cmake.in repeats those an
# embedder links (see ADR 0002 for why a static library must name them again).
find_package(Threads REQUIRED)
find_package(CAF 0.17.6 REQUIRED)
find_package(Protobuf 3.21 REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(c-ares 1.18 REQUIRED)
find_package(PostgreSQL 15 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(SQLiteCpp REQUIRED)
find_package(spdlog REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(tl-expected REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(hiredis REQUIRED IMPORTED_TARGET GLOBAL hiredis)  # its own version file is broken
pkg_check_modules(libmemcached REQUIRED IMPORTED_TARGET GLOBAL libmemcached)
pkg_check_modules(jemalloc REQUIRED IMPORTED_TARGET GLOBAL jemalloc)
# Redis' allocator for whole programs: a third less processor time of a replicated write than with glibc's. A sanitizer
# has its own.
add_library(troupe_allocator INTERFACE)
if(NOT TROUPE_SANITIZE)
  target_link_libraries(troupe_allocator INTERFACE PkgConfig::jemalloc)
endif()
