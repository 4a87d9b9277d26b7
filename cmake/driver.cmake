# SPDX-License-Identifier: MIT OR Apache-2.0
# Windows 7 kernel drivers: add_driver(name PACKAGE ... SOURCES ... [INCLUDES ...] [DEFINES ...] [INF name.inf]
# [MESSAGES name.mc] IMPORTS ntoskrnl ndis ...)
# compiles C89 for the toolchain's architecture, links name.sys with its .pdb against import libraries made from this tree's own .def
# files, checks the imports of the linked file, and stages both files, and the INF, below out/.
include(version)
if(CMAKE_VERSION VERSION_LESS 3.24)
  message(FATAL_ERROR "driver builds need CMake 3.24 ($<PATH:...>); this is ${CMAKE_VERSION}")
endif()
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
set(ENFORCE_FIXED_LAYOUT 1 CACHE STRING "1: accept only the BAR0 layout of contract v1; 0: accept any layout that virtio 1.x allows")
if(NOT ENFORCE_FIXED_LAYOUT MATCHES "^[01]$")
  message(FATAL_ERROR "ENFORCE_FIXED_LAYOUT is 0 or 1, not '${ENFORCE_FIXED_LAYOUT}'")
endif()
set(AERO_STAGE_DIR "" CACHE PATH "where linked drivers go; empty: out/drivers/windows7 (release) or out/drivers-dbg/windows7 (Debug)")
find_package(Python3 REQUIRED COMPONENTS Interpreter)

set(AERO_NDIS620_DIR "${CMAKE_SOURCE_DIR}/sdk/ndis620")
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  set(AERO_DRIVER_DBG 1)
  set(aero_stage_default "${CMAKE_SOURCE_DIR}/out/drivers-dbg/windows7")
else()
  set(AERO_DRIVER_DBG 0)
  set(aero_stage_default "${CMAKE_SOURCE_DIR}/out/drivers/windows7")
endif()
if(AERO_STAGE_DIR)
  set(AERO_DRIVER_STAGE "${AERO_STAGE_DIR}")
else()
  set(AERO_DRIVER_STAGE "${aero_stage_default}")
endif()

# The dialect is what WDK 7.1's C compiler accepts. A kernel stack is 12 KiB on x86: a frame beyond 1 KiB is an error.
set(AERO_DRIVER_WARNINGS
    -std=gnu89 -Wall -Wextra -Werror -Wpedantic -Wdeclaration-after-statement -Wvla -Wstrict-prototypes -Wmissing-prototypes
    -Wframe-larger-than=1024 -Wno-long-long -Wno-ignored-pragma-intrinsic)
# Nothing in the output may tell the directory or the day of the build.
set(AERO_DRIVER_CODEGEN
    -g -gcodeview -gno-codeview-command-line -mno-incremental-linker-compatible "-ffile-prefix-map=${CMAKE_SOURCE_DIR}=." "-fdebug-compilation-dir=."
    -ffunction-sections -fdata-sections -fno-strict-aliasing)
set(AERO_DRIVER_DEFINES
    -D_WIN32_WINNT=0x0601 -DWINVER=0x0601 -DNTDDI_VERSION=0x06010000 -DDBG=${AERO_DRIVER_DBG} -DNDIS_MINIPORT_DRIVER=1
    -DNDIS620_MINIPORT=1 -DAERO_VIRTIO_MINIPORT_ENFORCE_FIXED_LAYOUT=${ENFORCE_FIXED_LAYOUT})
# -isystem: warnings inside mingw-w64's headers are not ours. The SDK's own folder comes first, so its <ndis.h> wins over ddk/ndis.h.
set(AERO_DRIVER_INCLUDES
    -nostdinc "-I${AERO_NDIS620_DIR}/include" -isystem "${AERO_CLANG_RESOURCE_DIR}/include" -isystem "${AERO_MINGW_INCLUDE}/ddk"
    -isystem "${AERO_MINGW_INCLUDE}")

# aero_driver_compile_options(target): every object of a driver, its runtime and the layout checks is compiled the same way.
function(aero_driver_compile_options target)
  target_compile_options(${target} PRIVATE ${AERO_DRIVER_CODEGEN} ${AERO_DRIVER_WARNINGS} ${AERO_DRIVER_DEFINES})
  # One string per -isystem pair, or CMake would merge the repeated option.
  set(includes "${AERO_DRIVER_INCLUDES}")
  string(REPLACE "-isystem;" "SHELL:-isystem " includes "${includes}")
  target_compile_options(${target} PRIVATE ${includes})
endfunction()

function(add_driver name)
  cmake_parse_arguments(arg "" "PACKAGE;DESCRIPTION;SUBTYPE;ENTRY;INF;MESSAGES" "SOURCES;INCLUDES;DEFINES;IMPORTS" ${ARGN})
  if(NOT arg_ENTRY)
    set(arg_ENTRY DriverEntry)
  endif()
  set(driver_file_subtype 0x6L) # VFT2_DRV_NETWORK
  set(driver_file_flags 0x0L)
  if(AERO_DRIVER_DBG)
    set(driver_file_flags 0x1L)
  endif()

  # An archive rather than loose objects: one name to make relative below. It is linked whole.
  add_library(${name}_objects STATIC ${arg_SOURCES})
  aero_driver_compile_options(${name}_objects)
  target_include_directories(${name}_objects PRIVATE ${arg_INCLUDES})
  target_compile_definitions(${name}_objects PRIVATE ${arg_DEFINES})

  set(work "${CMAKE_CURRENT_BINARY_DIR}")
  # The event log's texts: a header for the sources, a message table for the image. Its comments are not C89: a system header.
  set(driver_message_table "")
  set(messages "")
  if(arg_MESSAGES)
    get_filename_component(message_source "${arg_MESSAGES}" ABSOLUTE)
    get_filename_component(message_name "${arg_MESSAGES}" NAME_WE)
    set(messages "${work}/messages/${message_name}.h" "${work}/messages/MSG00409.bin")
    set(driver_message_table "LANGUAGE 0x9, 0x1\n1 11 \"messages/MSG00409.bin\"")
    file(MAKE_DIRECTORY "${work}/messages")
    add_custom_command(
      OUTPUT ${messages}
      COMMAND ${AERO_WINDMC} -U -h "${work}/messages" -r "${work}/messages" "${message_source}"
      DEPENDS "${message_source}"
      VERBATIM)
    target_sources(${name}_objects PRIVATE ${messages})
    target_include_directories(${name}_objects SYSTEM PRIVATE "${work}/messages")
  endif()
  configure_file("${CMAKE_SOURCE_DIR}/cmake/driver.rc.in" "${work}/${name}.rc" @ONLY)
  # Relative names: llvm-rc takes a path that begins with /c, say of a clone below /check, for its option /c.
  add_custom_command(
    OUTPUT "${work}/${name}.res"
    COMMAND ${AERO_LLVM_RC} /no-preprocess /fo "${name}.res" "${name}.rc"
    DEPENDS "${work}/${name}.rc" ${messages}
    WORKING_DIRECTORY "${work}"
    VERBATIM)

  set(link_flags
      /driver /subsystem:native,6.01 /nodefaultlib /dynamicbase /nxcompat /release /Brepro /debug /opt:ref /opt:icf /tsaware:no
      /base:0x10000 /highentropyva:no /section:INIT,DER /pdbaltpath:${name}.pdb /pdbsourcepath:c:/aero)
  if(AERO_WINDOWS_ARCH STREQUAL "x86")
    list(APPEND link_flags /machine:x86 /entry:${arg_ENTRY}@8 /safeseh /alternatename:__chkstk=__alloca_probe)
  else()
    list(APPEND link_flags /machine:x64 /entry:${arg_ENTRY})
  endif()
  set(libraries "")
  set(relative_libraries "")
  set(allow_lists "")
  foreach(import IN LISTS arg_IMPORTS)
    list(APPEND relative_libraries "$<PATH:RELATIVE_PATH,${AERO_IMPORT_LIBRARY_DIR}/${import}.lib,${CMAKE_BINARY_DIR}>")
    list(APPEND libraries "${AERO_IMPORT_LIBRARY_DIR}/${import}.lib")
    list(APPEND allow_lists "${AERO_IMPORT_LIBRARY_DIR}/${import}.def")
  endforeach()

  set(inf "")
  if(arg_INF)
    get_filename_component(inf "${arg_INF}" ABSOLUTE)
  endif()
  set(stage "${AERO_DRIVER_STAGE}/${arg_PACKAGE}/${AERO_WINDOWS_ARCH}")
  # Linked with names relative to the build folder: the .pdb records the names it is given, and its hash is part of the .sys.
  file(RELATIVE_PATH link_dir "${CMAKE_BINARY_DIR}" "${work}/link")
  file(MAKE_DIRECTORY "${work}/link")
  add_custom_command(
    OUTPUT "${stage}/${name}.sys" "${stage}/${name}.pdb"
    COMMAND ${AERO_LLD_LINK} ${link_flags} "/out:${link_dir}/${name}.sys" "/pdb:${link_dir}/${name}.pdb"
            "/wholearchive:$<PATH:RELATIVE_PATH,$<TARGET_FILE:${name}_objects>,${CMAKE_BINARY_DIR}>"
            "$<PATH:RELATIVE_PATH,$<TARGET_FILE:ndis620_runtime>,${CMAKE_BINARY_DIR}>"
            "$<PATH:RELATIVE_PATH,${work}/${name}.res,${CMAKE_BINARY_DIR}>" ${relative_libraries}
    COMMAND ${Python3_EXECUTABLE} "${AERO_NDIS620_DIR}/abi/check_imports.py" image --readobj ${AERO_LLVM_READOBJ} --image
            "${link_dir}/${name}.sys" ${allow_lists}
    COMMAND ${CMAKE_COMMAND} -E make_directory "${stage}"
    COMMAND ${CMAKE_COMMAND} -E copy "${link_dir}/${name}.sys" "${link_dir}/${name}.pdb" ${inf} "${stage}"
    DEPENDS ${name}_objects ndis620_runtime ndis620_import_libraries "${work}/${name}.res" ${inf} ${libraries} "${AERO_NDIS620_DIR}/abi/check_imports.py"
    WORKING_DIRECTORY "${CMAKE_BINARY_DIR}"
    COMMENT "Linking ${name}.sys (${AERO_WINDOWS_ARCH}, ${CMAKE_BUILD_TYPE})"
    COMMAND_EXPAND_LISTS VERBATIM)
  add_custom_target(${name} ALL DEPENDS "${stage}/${name}.sys" "${stage}/${name}.pdb")
endfunction()
