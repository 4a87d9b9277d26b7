/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* executive.c - the rest of what miniports import: versions, routine addresses. */
#include "nt/nt.h"

#include "abi/nt_constants.h"
#include "abi/nt_types.h"
#include "rules/rules.h"

#include <string.h>

/* Windows 7 with Service Pack 1. */
enum { VERSION_MAJOR = 6, VERSION_MINOR = 1, VERSION_BUILD = 7601, SERVICE_PACK = 1, PLATFORM_NT = 2, PRODUCT_WORKSTATION = 1 };

static uint64_t export_RtlGetVersion(struct export_call *call)
{
    nt_OSVERSIONINFOEXW *version = arg_pointer(call);
    uint32_t size = version->dwOSVersionInfoSize;
    version->dwMajorVersion = VERSION_MAJOR;
    version->dwMinorVersion = VERSION_MINOR;
    version->dwBuildNumber = VERSION_BUILD;
    version->dwPlatformId = PLATFORM_NT;
    uint16_t name[sizeof(version->szCSDVersion) / 2];
    size_t units = nt_utf8_to_utf16("Service Pack 1", name, sizeof(name) / 2);
    memset(version->szCSDVersion, 0, sizeof(version->szCSDVersion));
    memcpy(version->szCSDVersion, name, units * 2);
    if (size == sizeof(nt_OSVERSIONINFOEXW)) {
        version->wServicePackMajor = SERVICE_PACK;
        version->wServicePackMinor = 0;
        version->wSuiteMask = 0;
        version->wProductType = PRODUCT_WORKSTATION;
    } else if (size != sizeof(nt_OSVERSIONINFOW)) {
        rule_violated("HOST-SIZEOF", version, "RtlGetVersion with a structure of %u bytes", (unsigned)size);
    }
    return NT_STATUS_SUCCESS;
}

static uint64_t export_PsGetVersion(struct export_call *call)
{
    uint32_t *major = arg_pointer(call), *minor = arg_pointer(call), *build = arg_pointer(call);
    nt_UNICODE_STRING *name = arg_pointer(call);
    if (major)
        *major = VERSION_MAJOR;
    if (minor)
        *minor = VERSION_MINOR;
    if (build)
        *build = VERSION_BUILD;
    if (name)
        *name = (nt_UNICODE_STRING){0};
    return 0; /* a free build */
}

static uint64_t export_MmGetSystemRoutineAddress(struct export_call *call)
{
    char name[128];
    nt_unicode_to_utf8(arg_pointer(call), name, sizeof(name));
    uintptr_t address = export_resolve("ntoskrnl.exe", name);
    return address ? address : export_resolve("hal.dll", name);
}

const struct export_row nt_executive_exports[] = {
    EXPORT(RtlGetVersion),
    EXPORT(PsGetVersion),
    EXPORT(MmGetSystemRoutineAddress),
    EXPORT_END,
};
