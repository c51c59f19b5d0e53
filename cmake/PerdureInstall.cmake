# The installed package: find_package(perdure) gives perdure::runtime and what it stands on.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

get_property(rooms GLOBAL PROPERTY PERDURE_INSTALLED_ROOMS)
get_property(headers GLOBAL PROPERTY PERDURE_INSTALLED_HEADERS)
install(TARGETS ${rooms} EXPORT perdureTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
# All that `cmake --install` wants to find, for builds that do not build everything.
add_custom_target(perdure_package DEPENDS ${rooms})
foreach(folder IN LISTS headers)
  install(DIRECTORY ${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    FILES_MATCHING PATTERN "*.hpp")
endforeach()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/perdure)
install(EXPORT perdureTargets NAMESPACE perdure:: DESTINATION ${package_dir})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/perdureConfig.cmake.in
  ${CMAKE_BINARY_DIR}/perdureConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/perdureConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/perdureConfig.cmake ${CMAKE_BINARY_DIR}/perdureConfigVersion.cmake
  ${CMAKE_CURRENT_LIST_DIR}/FindCAF.cmake DESTINATION ${package_dir})
