# SPDX-License-Identifier: MIT OR Apache-2.0
# Toolchain: Windows 7 x86 kernel drivers with clang and lld.
set(CMAKE_SYSTEM_PROCESSOR X86)
set(AERO_WINDOWS_ARCH x86)
set(AERO_WINDOWS_TRIPLE i686-pc-windows-msvc)
# Floating-point and vector state belongs to user mode here: not one such instruction.
set(AERO_WINDOWS_ARCH_FLAGS -D_X86_=1 -march=i686 -mno-sse -mno-mmx -mno-x87)
include("${CMAKE_CURRENT_LIST_DIR}/clang-windows.cmake")
