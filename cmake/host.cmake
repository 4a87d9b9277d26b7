# SPDX-License-Identifier: MIT OR Apache-2.0
# Host tools and tests: C11, warnings are errors; sanitizers by -DAERO_SANITIZE=address,undefined.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()
set(AERO_SANITIZE "" CACHE STRING "sanitizers for host code, e.g. address,undefined")

add_compile_options(-Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla -fno-strict-aliasing
                    "-ffile-prefix-map=${CMAKE_SOURCE_DIR}=.")
if(AERO_SANITIZE)
  add_compile_options(-fsanitize=${AERO_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${AERO_SANITIZE})
endif()
if(AERO_BUILD STREQUAL "host32")
  add_compile_options(-m32 -msse2 -mfpmath=sse)
  add_link_options(-m32)
  set(CMAKE_ASM_FLAGS "${CMAKE_ASM_FLAGS} -m32")
endif()

if(APPLE) # Homebrew's folders are not among the compiler's own
  find_path(CMOCKA_INCLUDE_DIR cmocka.h REQUIRED)
  find_library(CMOCKA_LIBRARY cmocka REQUIRED)
  get_filename_component(CMOCKA_LIBRARY_DIR "${CMOCKA_LIBRARY}" DIRECTORY)
  include_directories(SYSTEM "${CMOCKA_INCLUDE_DIR}")
  link_directories("${CMOCKA_LIBRARY_DIR}")
endif()

# add_host_test(name SOURCES ... [LIBRARIES ...] [LABELS ...]): one cmocka program, one ctest entry.
function(add_host_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES;LABELS;INCLUDES" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} cmocka)
  target_include_directories(${name} PRIVATE ${arg_INCLUDES})
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 120)
  if(arg_LABELS)
    set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}")
  endif()
endfunction()
