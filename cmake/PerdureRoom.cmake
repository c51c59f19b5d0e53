# Declares the rooms of the house: one library each, with its headers, its tests' include path and
# its place in the installed package.
#
#   perdure_room(storage
#     SOURCES src/keys.cpp …
#     PUBLIC  perdure::base
#     PRIVATE RocksDB::rocksdb-shared
#     PCH     <string> <vector>)
#
# A room's public headers stand in include/perdure/<room>/, its private ones in src/.

find_package(Threads REQUIRED)

add_library(perdure_flags INTERFACE)
if(PERDURE_STRICT)
  target_compile_options(perdure_flags INTERFACE
    -Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -Wold-style-cast
    -Wno-missing-field-initializers)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # g++ 12 reports both falsely for std::string at -O2 (GCC bugs 105329 and 105651).
    target_compile_options(perdure_flags INTERFACE -Wno-restrict -Wno-array-bounds)
  endif()
endif()

function(perdure_room name)
  cmake_parse_arguments(room "INTERNAL" "" "SOURCES;PUBLIC;PRIVATE;PCH" ${ARGN})
  set(target perdure_${name})
  add_library(${target} STATIC ${room_SOURCES})
  add_library(perdure::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_include_directories(${target}
    PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>
           $<INSTALL_INTERFACE:include>
    PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/src)
  target_link_libraries(${target}
    PUBLIC ${room_PUBLIC}
    PRIVATE ${room_PRIVATE} $<BUILD_INTERFACE:perdure_flags>)
  if(room_PCH)
    target_precompile_headers(${target} PRIVATE ${room_PCH})
    # Lets ccache see what a precompiled header holds.
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
  endif()
  if(NOT room_INTERNAL)
    # So that who embeds it may do so in a shared library. Nobody replaces its functions at load
    # time, and with that ruled out it costs an executable nothing.
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
    target_compile_options(${target} PRIVATE
      $<$<CXX_COMPILER_ID:GNU>:-fno-semantic-interposition>)
    set_property(GLOBAL APPEND PROPERTY PERDURE_INSTALLED_ROOMS ${target})
    set_property(GLOBAL APPEND PROPERTY PERDURE_INSTALLED_HEADERS
      ${CMAKE_CURRENT_SOURCE_DIR}/include/perdure)
  endif()
endfunction()

# One test program of a room: perdure_test(storage_keys LABELS unit SOURCES keys_test.cpp
# LIBRARIES perdure::storage [TIMEOUT seconds])
function(perdure_test name)
  cmake_parse_arguments(test "" "TIMEOUT" "LABELS;SOURCES;LIBRARIES;INCLUDES" ${ARGN})
  add_executable(${name}_test ${test_SOURCES})
  target_link_libraries(${name}_test PRIVATE
    ${test_LIBRARIES} perdure_flags GTest::gmock GTest::gtest_main)
  target_include_directories(${name}_test PRIVATE ${test_INCLUDES})
  if(NOT test_TIMEOUT)
    set(test_TIMEOUT 300)
  endif()
  add_test(NAME ${name} COMMAND ${name}_test)
  set_tests_properties(${name} PROPERTIES LABELS "${test_LABELS}" TIMEOUT ${test_TIMEOUT})
endfunction()
