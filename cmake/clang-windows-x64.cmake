# SPDX-License-Identifier: MIT OR Apache-2.0
# Toolchain: Windows 7 x64 kernel drivers with clang and lld.
set(CMAKE_SYSTEM_PROCESSOR AMD64)
set(AERO_WINDOWS_ARCH x64)
set(AERO_WINDOWS_TRIPLE x86_64-pc-windows-msvc)
# No red zone: an interrupt would overwrite it. No MMX: its state is the FPU's, which kernel code may not touch.
# -ffreestanding alone would drop .pdata, without which the kernel can neither unwind nor walk a stack.
set(AERO_WINDOWS_ARCH_FLAGS -D__MINGW64__ -DWIN64 -mno-red-zone -mno-mmx -fasynchronous-unwind-tables)
include("${CMAKE_CURRENT_LIST_DIR}/clang-windows.cmake")
