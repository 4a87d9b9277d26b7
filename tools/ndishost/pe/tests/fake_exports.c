/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* fake_exports.c - export_resolve() for tests of the loader: the names of build_pe.c, at recognisable addresses. */
#include "exec/call.h"

#include <string.h>
#include <strings.h>

uintptr_t export_resolve(const char *dll, const char *name)
{
    if (strcasecmp(dll, "ntoskrnl.exe") == 0 && strcmp(name, "KeFirst") == 0)
        return 0x1111;
    if (strcasecmp(dll, "ntoskrnl.exe") == 0 && strcmp(name, "KeSecond") == 0)
        return 0x2222;
    if (strcasecmp(dll, "hal.dll") == 0 && strcmp(name, "HalThird") == 0)
        return 0x3333;
    return 0;
}
