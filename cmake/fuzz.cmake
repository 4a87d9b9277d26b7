# SPDX-License-Identifier: MIT OR Apache-2.0
# Fuzz targets: in every build over mutated seeds; with AERO_FUZZ (clang) under libFuzzer, from the same seeds, for a bounded number of runs.
# For a long hunt: fuzz_ring -max_total_time=3600 CORPUS-DIRECTORY
option(AERO_FUZZ "build libFuzzer programs (clang)" OFF)
if(AERO_FUZZ AND NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "AERO_FUZZ needs clang: -DCMAKE_C_COMPILER=clang-19")
endif()

set(AERO_FUZZ_ENGINE "${CMAKE_CURRENT_LIST_DIR}/../drivers/windows7/virtio/common/tests")

# add_fuzz_target(name SOURCES ... LIBRARIES ... UNIT ... INCLUDES ... UNIT_LIBRARIES ...): over the seeds with the LIBRARIES under test;
# under libFuzzer with their sources (UNIT, INCLUDES) compiled again, to be watched, and UNIT_LIBRARIES, which are not.
function(add_fuzz_target name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES;UNIT;INCLUDES;UNIT_LIBRARIES" ${ARGN})
  add_executable(${name}_seeds ${arg_SOURCES} ${AERO_FUZZ_ENGINE}/fuzz_without_engine.c)
  target_include_directories(${name}_seeds PRIVATE ${AERO_FUZZ_ENGINE})
  target_link_libraries(${name}_seeds PRIVATE ${arg_LIBRARIES})
  add_test(NAME ${name}_seeds COMMAND ${name}_seeds 100000)
  set_tests_properties(${name}_seeds PROPERTIES TIMEOUT 120 LABELS unit)
  if(NOT AERO_FUZZ)
    return()
  endif()
  add_executable(${name} ${arg_SOURCES} ${arg_UNIT})
  target_include_directories(${name} PRIVATE ${AERO_FUZZ_ENGINE} ${arg_INCLUDES})
  target_link_libraries(${name} PRIVATE ${arg_UNIT_LIBRARIES})
  target_compile_options(${name} PRIVATE -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer,address,undefined)
  set(corpus ${CMAKE_CURRENT_BINARY_DIR}/${name}.corpus)
  file(MAKE_DIRECTORY ${corpus})
  add_test(NAME ${name}_corpus COMMAND ${name}_seeds --write-seeds ${corpus})
  add_test(NAME ${name} COMMAND ${name} -runs=200000 -seed=1 -max_len=4096 ${corpus})
  set_tests_properties(${name}_corpus PROPERTIES FIXTURES_SETUP ${name} LABELS fuzz)
  set_tests_properties(${name} PROPERTIES FIXTURES_REQUIRED ${name} TIMEOUT 300 LABELS fuzz)
endfunction()
