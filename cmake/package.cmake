# `cmake --install build --prefix P` gives the program, the library, the public headers and a CMake
# package: find_package(troupe) and link troupe::troupe.
include(CMakePackageConfigHelpers)
install(TARGETS troupe EXPORT troupeTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS troupe_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY include/troupe DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
install(FILES ${PROJECT_BINARY_DIR}/generated/troupe/version.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/troupe)
install(DIRECTORY config/ DESTINATION ${CMAKE_INSTALL_DATADIR}/troupe/config FILES_MATCHING PATTERN "*.toml")
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/troupe)
install(EXPORT troupeTargets NAMESPACE troupe:: DESTINATION ${package_dir})
configure_package_config_file(cmake/troupeConfig.cmake.in ${PROJECT_BINARY_DIR}/troupeConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/troupeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/troupeConfig.cmake ${PROJECT_BINARY_DIR}/troupeConfigVersion.cmake
  cmake/FindCAF.cmake cmake/Findc-ares.cmake DESTINATION ${package_dir})
