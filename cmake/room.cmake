# How a room is built: one static library and one test binary a folder.
#
#   nodeproof_room(cgroup SOURCES cgroup.cc ... USES base TESTS cgroup_test.cc)
#
# makes the library `nodeproof_cgroup` and the test binary `cgroup_test`, whose cases run under the
# ctest label `unit`. Headers are included from the top of the tree: "harness/cgroup/cgroup.h".
#
# A folder of claims is two libraries: `conformance_AREA_rules` is what unit tests reach, so that a build
# of tests, the sanitizers' above all, compiles none of the claims, which only a node can run.

add_library(nodeproof_warnings INTERFACE)
target_compile_options(nodeproof_warnings INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # GCC 12 sees these in correct uses of std::string and std::function, here and there, as inlining
  # and sanitizers have it (gcc.gnu.org/PR105651, PR105562): warnings, but no errors.
  target_compile_options(nodeproof_warnings INTERFACE -Wno-error=array-bounds
    -Wno-error=maybe-uninitialized -Wno-error=restrict -Wno-error=stringop-overflow)
endif()

if(NODEPROOF_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()

if(NODEPROOF_FUZZ)
  # Every room is instrumented; the targets in folders named fuzz add libFuzzer's main. Clang warns of
  # the deprecated std::get_temporary_buffer inside libstdc++'s own stable_sort.
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
    -fno-omit-frame-pointer -Wno-deprecated-declarations)
  add_link_options(-fsanitize=address,undefined)
endif()

# Two thirds of a cold build went into parsing these headers again for every file. A file still
# includes what it uses: the preset debug builds without.
option(NODEPROOF_PRECOMPILE "Precompile the headers of the libraries that most files use" ON)
if(NODEPROOF_PRECOMPILE)
  set(library_headers <algorithm> <chrono> <expected> <functional> <map> <memory> <optional>
    <string> <string_view> <vector> <fmt/format.h> <nlohmann/json.hpp>)
  file(WRITE ${PROJECT_BINARY_DIR}/generated/precompiled.cc "")
  foreach(kind room test)
    add_library(nodeproof_precompiled_${kind} OBJECT ${PROJECT_BINARY_DIR}/generated/precompiled.cc)
    target_link_libraries(nodeproof_precompiled_${kind} PRIVATE nodeproof_warnings fmt::fmt
      nlohmann_json::nlohmann_json)
  endforeach()
  target_link_libraries(nodeproof_precompiled_test PRIVATE GTest::gmock)
  target_precompile_headers(nodeproof_precompiled_room PRIVATE ${library_headers})
  target_precompile_headers(nodeproof_precompiled_test PRIVATE ${library_headers}
    <gmock/gmock.h> <gtest/gtest.h>)
endif()

# `kind`: room or test, what the target's files mostly include.
function(nodeproof_precompile target kind)
  if(NODEPROOF_PRECOMPILE)
    target_precompile_headers(${target} REUSE_FROM nodeproof_precompiled_${kind})
  endif()
endfunction()

add_custom_target(unit_tests)  # what `ctest --label-regex unit` needs

function(nodeproof_room name)
  cmake_parse_arguments(arg "" "" "SOURCES;USES;LIBS;TESTS" ${ARGN})
  add_library(nodeproof_${name} STATIC ${arg_SOURCES})
  target_include_directories(nodeproof_${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(nodeproof_${name} PRIVATE nodeproof_warnings PUBLIC fmt::fmt ${arg_LIBS})
  foreach(used IN LISTS arg_USES)
    target_link_libraries(nodeproof_${name} PUBLIC nodeproof_${used})
  endforeach()
  nodeproof_precompile(nodeproof_${name} room)
  if(arg_TESTS AND BUILD_TESTING)
    nodeproof_test(${name}_test SOURCES ${arg_TESTS} USES ${name})
  endif()
endfunction()

# A test binary; its cases are found when ctest runs, so a new case needs no CMake run.
function(nodeproof_test name)
  cmake_parse_arguments(arg "" "LABEL;TIMEOUT" "SOURCES;USES;LIBS" ${ARGN})
  if(NOT arg_LABEL)
    set(arg_LABEL unit)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  add_executable(${name} ${arg_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test)
  target_link_libraries(${name} PRIVATE nodeproof_warnings GTest::gtest_main GTest::gmock ${arg_LIBS})
  foreach(used IN LISTS arg_USES)
    target_link_libraries(${name} PRIVATE nodeproof_${used})
  endforeach()
  nodeproof_precompile(${name} test)
  target_compile_definitions(${name} PRIVATE
    NODEPROOF_SOURCE_DIR="${PROJECT_SOURCE_DIR}" NODEPROOF_BINARY_DIR="${PROJECT_BINARY_DIR}")
  add_test(NAME ${name} COMMAND ${name})
  if(arg_LABEL STREQUAL unit)
    add_dependencies(unit_tests ${name})
  endif()
  set_tests_properties(${name} PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT})
endfunction()

# A libFuzzer target `name` from <name>.cc that uses the rooms named; only in the fuzz preset.
function(nodeproof_fuzz name)
  add_executable(${name} ${name}.cc)
  target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  foreach(used IN LISTS ARGN)
    target_link_libraries(${name} PRIVATE nodeproof_${used})
  endforeach()
endfunction()
