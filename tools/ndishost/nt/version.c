/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* version.c - which Windows this is: Windows 7 with Service Pack 1, told and compared. */
#include "nt/nt.h"

#include <string.h>

#include "abi/nt_constants.h"
#include "abi/nt_types.h"
#include "nt/exports.h"
#include "rules/rules.h"

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

/* ---- comparing ---- */

enum { CONDITION_TYPES = 8 }; /* VER_MINORVERSION (bit 0) to VER_PRODUCT_TYPE (bit 7) */

static unsigned condition_of(uint64_t mask, uint32_t type)
{
    return mask >> (unsigned)__builtin_ctz(type) * NT_VER_NUM_BITS_PER_CONDITION_MASK & NT_VER_CONDITION_MASK;
}

/* ULONGLONG VerSetConditionMask(ULONGLONG ConditionMask, ULONG TypeMask, UCHAR Condition): three bits for each type. */
static uint64_t export_VerSetConditionMask(struct export_call *call)
{
    uint64_t mask = arg_u64(call);
    uint32_t type = arg_u32(call), condition = arg_u8(call);
    char here[128];

    if (__builtin_popcount(type) != 1 || type >= 1u << CONDITION_TYPES || condition == 0 || condition > NT_VER_CONDITION_MASK) {
        rule_violated("HOST-ARGUMENT", NULL, "VerSetConditionMask of types 0x%x with condition %u, by %s", (unsigned)type,
                      (unsigned)condition, rules_describe_address(call->return_address, here, sizeof(here)));
        return mask;
    }
    return mask | (uint64_t)condition << (unsigned)__builtin_ctz(type) * NT_VER_NUM_BITS_PER_CONDITION_MASK;
}

static bool holds(uint32_t now, unsigned condition, uint32_t wanted)
{
    switch (condition) {
    case NT_VER_EQUAL:
        return now == wanted;
    case NT_VER_GREATER:
        return now > wanted;
    case NT_VER_GREATER_EQUAL:
        return now >= wanted;
    case NT_VER_LESS:
        return now < wanted;
    default:
        return now <= wanted;
    }
}

/* The parts of a version are one number of several digits: the first that differs decides, under the condition of the first compared. */
static bool version_holds(const nt_OSVERSIONINFOEXW *wanted, uint32_t types, uint64_t conditions)
{
    const struct {
        uint32_t type, now, wanted;
    } parts[] = {
        {NT_VER_MAJORVERSION, VERSION_MAJOR, wanted->dwMajorVersion},
        {NT_VER_MINORVERSION, VERSION_MINOR, wanted->dwMinorVersion},
        {NT_VER_SERVICEPACKMAJOR, SERVICE_PACK, wanted->wServicePackMajor},
        {NT_VER_SERVICEPACKMINOR, 0, wanted->wServicePackMinor},
    };
    unsigned condition = 0;

    for (size_t index = 0; index < sizeof(parts) / sizeof(parts[0]); ++index) {
        if (!(types & parts[index].type))
            continue;
        if (!condition)
            condition = condition_of(conditions, parts[index].type);
        if (parts[index].now != parts[index].wanted)
            return holds(parts[index].now, condition, parts[index].wanted);
    }
    return !condition || holds(0, condition, 0);
}

/* This is a workstation without suites: none of those that are asked for. */
static bool others_hold(const nt_OSVERSIONINFOEXW *wanted, uint32_t types, uint64_t conditions)
{
    return (!(types & NT_VER_BUILDNUMBER) || holds(VERSION_BUILD, condition_of(conditions, NT_VER_BUILDNUMBER), wanted->dwBuildNumber)) &&
           (!(types & NT_VER_PLATFORMID) || holds(PLATFORM_NT, condition_of(conditions, NT_VER_PLATFORMID), wanted->dwPlatformId)) &&
           (!(types & NT_VER_PRODUCT_TYPE) ||
            holds(PRODUCT_WORKSTATION, condition_of(conditions, NT_VER_PRODUCT_TYPE), wanted->wProductType)) &&
           (!(types & NT_VER_SUITENAME) || !wanted->wSuiteMask);
}

/* Each compared type has a condition that fits it: numbers are compared, suites taken together. */
static bool conditions_fit(uint32_t types, uint64_t conditions)
{
    for (uint32_t type = 1; type < 1u << CONDITION_TYPES; type <<= 1) {
        unsigned condition = condition_of(conditions, type);

        if ((types & type) && (condition == 0 || (type == NT_VER_SUITENAME) != (condition >= NT_VER_AND)))
            return false;
    }
    return types != 0 && types < 1u << CONDITION_TYPES;
}

/* NTSTATUS RtlVerifyVersionInfo(PRTL_OSVERSIONINFOEXW VersionInfo, ULONG TypeMask, ULONGLONG ConditionMask) */
static uint64_t export_RtlVerifyVersionInfo(struct export_call *call)
{
    const nt_OSVERSIONINFOEXW *wanted = arg_pointer(call);
    uint32_t types = arg_u32(call);
    uint64_t conditions = arg_u64(call);
    char here[128];

    if (wanted->dwOSVersionInfoSize != sizeof(*wanted)) {
        rule_violated("HOST-SIZEOF", wanted, "RtlVerifyVersionInfo with a structure of %u bytes", (unsigned)wanted->dwOSVersionInfoSize);
        return NT_STATUS_INVALID_PARAMETER;
    }
    if (!conditions_fit(types, conditions)) {
        rule_violated("HOST-ARGUMENT", wanted, "RtlVerifyVersionInfo of types 0x%x with the conditions 0x%llx, by %s", (unsigned)types,
                      (unsigned long long)conditions, rules_describe_address(call->return_address, here, sizeof(here)));
        return NT_STATUS_INVALID_PARAMETER;
    }
    return version_holds(wanted, types, conditions) && others_hold(wanted, types, conditions) ? NT_STATUS_SUCCESS
                                                                                              : NT_STATUS_REVISION_MISMATCH;
}

const struct export_row nt_version_exports[] = {
    EXPORT(RtlGetVersion), EXPORT(PsGetVersion), EXPORT(VerSetConditionMask), EXPORT(RtlVerifyVersionInfo), EXPORT_END,
};
