# SPDX-License-Identifier: MIT OR Apache-2.0
# What both Windows driver toolchains share: the LLVM tools, and how to reach mingw-w64's DDK headers with an MSVC object format.
# The including file sets AERO_WINDOWS_ARCH (x64 or x86), AERO_WINDOWS_TRIPLE and AERO_WINDOWS_ARCH_FLAGS.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

# LLVM 19: lld 14 writes no PE checksum (/release), clang 14 is not reproducible across directories.
set(AERO_LLVM_VERSION 19)
foreach(tool IN ITEMS clang lld-link llvm-ar llvm-rc llvm-dlltool llvm-readobj llvm-nm)
  string(TOUPPER "AERO_${tool}" variable)
  string(REPLACE "-" "_" variable "${variable}")
  find_program(${variable} NAMES ${tool}-${AERO_LLVM_VERSION} PATHS /usr/lib/llvm-${AERO_LLVM_VERSION}/bin)
  if(NOT ${variable})
    message(FATAL_ERROR "${tool}-${AERO_LLVM_VERSION} is not installed: run ./scripts/setup, which lists or installs what is needed.")
  endif()
endforeach()

find_program(AERO_WINDMC NAMES x86_64-w64-mingw32-windmc windmc)
if(NOT AERO_WINDMC)
  message(FATAL_ERROR "windmc is not installed: run ./scripts/setup (Debian package binutils-mingw-w64-x86-64).")
endif()

set(AERO_MINGW_INCLUDE "/usr/share/mingw-w64/include" CACHE PATH "mingw-w64's headers (package mingw-w64-common); ddk/ lies below")
if(NOT EXISTS "${AERO_MINGW_INCLUDE}/ddk/ntddk.h")
  message(FATAL_ERROR "${AERO_MINGW_INCLUDE}/ddk/ntddk.h is missing: run ./scripts/setup (Debian package mingw-w64-common).")
endif()
execute_process(COMMAND ${AERO_CLANG} -print-resource-dir OUTPUT_VARIABLE AERO_CLANG_RESOURCE_DIR OUTPUT_STRIP_TRAILING_WHITESPACE)

set(CMAKE_C_COMPILER ${AERO_CLANG})
set(CMAKE_ASM_COMPILER ${AERO_CLANG})
set(CMAKE_AR ${AERO_LLVM_AR} CACHE FILEPATH "archiver")

# The object format and calling conventions are MSVC's (COFF, CodeView, SEH), the language personality is GNU's, because mingw-w64's
# headers are written for it: the plain msvc personality fails on them, the gnu triple cannot compile __try on i686.
# ALLOC_PRAGMA: their wdm.h says so for Microsoft's compiler only; clang knows #pragma alloc_text as well.
# __CRT__NO_INLINE: or, in gnu89, every C library inline function in their headers would be defined again in every object.
# The interlocked bit tests and the 3DNow! intrinsics are declared twice, by those headers and by clang's own: keep clang's.
set(AERO_WINDOWS_FLAGS
    --target=${AERO_WINDOWS_TRIPLE} -fno-ms-compatibility -fgnuc-version=4.2.1 -U_MSC_VER -U_MSC_FULL_VER -U_MSC_BUILD -fms-extensions
    -D__MINGW32__ -D__MSVCRT__ -DWIN32 -DWINNT ${AERO_WINDOWS_ARCH_FLAGS}
    -D__INTRINSIC_DEFINED_InterlockedBitTestAndSet -D__INTRINSIC_DEFINED_InterlockedBitTestAndReset -D__MM3DNOW_H -D_MM3DNOW_H_INCLUDED
    -D__CRT__NO_INLINE=1 -DALLOC_PRAGMA=1 -DALLOC_DATA_PRAGMA=1 -ffreestanding -fno-stack-protector)
list(JOIN AERO_WINDOWS_FLAGS " " CMAKE_C_FLAGS_INIT)
set(CMAKE_ASM_FLAGS_INIT "--target=${AERO_WINDOWS_TRIPLE}")
set(CMAKE_C_FLAGS_RELEASE_INIT "-O2")
set(CMAKE_C_FLAGS_RELEASE "-O2" CACHE STRING "release drivers")
set(CMAKE_C_FLAGS_DEBUG "-O2" CACHE STRING "DBG drivers: same code generation, DBG=1")
