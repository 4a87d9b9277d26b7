/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* executive.c - addresses of the kernel's routines by name. */
#include "nt/nt.h"

static uint64_t export_MmGetSystemRoutineAddress(struct export_call *call)
{
    char name[128];
    nt_unicode_to_utf8(arg_pointer(call), name, sizeof(name));
    uintptr_t address = export_resolve("ntoskrnl.exe", name);
    return address ? address : export_resolve("hal.dll", name);
}

const struct export_row nt_executive_exports[] = {
    EXPORT(MmGetSystemRoutineAddress),
    EXPORT_END,
};
