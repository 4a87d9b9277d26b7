# SPDX-License-Identifier: MIT OR Apache-2.0
# cmake -DSOURCE=... -DBINARY=... -DCOMPILER=... -P check_portable.cmake: the host build configures for macOS, takes cmocka from where it was
# found, as Homebrew's folders are not the compiler's, and contains the portable tests only. Nothing is compiled.
set(brew "${BINARY}/brew")
file(REMOVE_RECURSE "${BINARY}")
file(WRITE "${brew}/include/cmocka.h" "")
file(WRITE "${brew}/lib/libcmocka.dylib" "")
execute_process(
  COMMAND "${CMAKE_COMMAND}" -S "${SOURCE}" -B "${BINARY}/build" -G Ninja -DAERO_BUILD=host -DCMAKE_SYSTEM_NAME=Darwin
          "-DCMAKE_C_COMPILER=${COMPILER}" -DCMAKE_C_COMPILER_WORKS=1 -DCMAKE_ASM_COMPILER_WORKS=1 "-DCMAKE_PREFIX_PATH=${brew}"
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(result)
  message(FATAL_ERROR "configuring for macOS failed:\n${output}")
endif()
file(READ "${BINARY}/build/build.ninja" rules)
foreach(wanted IN ITEMS test_split_ring test_net_offload "${brew}/include" "-L${brew}/lib")
  string(FIND "${rules}" "${wanted}" place)
  if(place EQUAL -1)
    message(FATAL_ERROR "the build for macOS lacks ${wanted}")
  endif()
endforeach()
string(FIND "${rules}" "tools/ndishost/cli" place)
if(NOT place EQUAL -1)
  message(FATAL_ERROR "the build for macOS contains ndishost, which runs on Linux only")
endif()
