/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* RtlVerifyVersionInfo and VerSetConditionMask: this is 6.1 build 7601 with Service Pack 1, however it is compared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "abi/nt_constants.h"
#include "abi/nt_types.h"
#include "image_side.h"
#include "rules/rules.h"

#if UINTPTR_MAX == UINT64_MAX
#define WIDE(value) (value)
#define WIDE_TYPE   uint64_t
#else
#define WIDE(value) (uint32_t)(value), (uint32_t)((uint64_t)(value) >> 32)
#define WIDE_TYPE   uint32_t, uint32_t
#endif

static uint64_t with(uint64_t mask, uint32_t type, unsigned condition)
{
    return STDCALL(uint64_t, "VerSetConditionMask", WIDE_TYPE, uint32_t, uint8_t)(WIDE(mask), type, (uint8_t)condition);
}

static uint32_t verify(nt_OSVERSIONINFOEXW *version, uint32_t types, uint64_t conditions)
{
    version->dwOSVersionInfoSize = sizeof(*version);
    return STDCALL(uint32_t, "RtlVerifyVersionInfo", void *, uint32_t, WIDE_TYPE)(version, types, WIDE(conditions));
}

static uint32_t verify_version(unsigned condition, uint32_t major, uint32_t minor, uint16_t pack)
{
    nt_OSVERSIONINFOEXW version = {0};
    version.dwMajorVersion = major;
    version.dwMinorVersion = minor;
    version.wServicePackMajor = pack;
    return verify(&version, NT_VER_MAJORVERSION | NT_VER_MINORVERSION | NT_VER_SERVICEPACKMAJOR,
                  with(with(with(0, NT_VER_MAJORVERSION, condition), NT_VER_MINORVERSION, condition), NT_VER_SERVICEPACKMAJOR, condition));
}

static void IMAGE_ENTRY compare_versions(void)
{
    static const struct {
        unsigned condition;
        uint32_t major, minor;
        uint16_t pack;
        bool holds;
    } rows[] = {
        {NT_VER_GREATER_EQUAL, 6, 1, 1, true},  {NT_VER_GREATER_EQUAL, 6, 0, 2, true},   {NT_VER_GREATER_EQUAL, 5, 2, 9, true},
        {NT_VER_GREATER_EQUAL, 6, 2, 0, false}, {NT_VER_GREATER_EQUAL, 10, 0, 0, false}, {NT_VER_GREATER, 6, 1, 1, false},
        {NT_VER_GREATER, 6, 1, 0, true},        {NT_VER_EQUAL, 6, 1, 1, true},           {NT_VER_EQUAL, 6, 1, 0, false},
        {NT_VER_LESS, 6, 2, 0, true},           {NT_VER_LESS, 6, 1, 1, false},           {NT_VER_LESS_EQUAL, 6, 1, 1, true},
        {NT_VER_LESS_EQUAL, 5, 9, 9, false},
    };
    for (unsigned row = 0; row < sizeof(rows) / sizeof(rows[0]); ++row)
        CLAIM_EQUAL(verify_version(rows[row].condition, rows[row].major, rows[row].minor, rows[row].pack),
                    rows[row].holds ? NT_STATUS_SUCCESS : NT_STATUS_REVISION_MISMATCH);
    CLAIM_EQUAL(with(0, NT_VER_PRODUCT_TYPE, NT_VER_EQUAL), UINT64_C(1) << 21);
    CLAIM_EQUAL(rules_violation_count(), 0);
}

static void versions_are_compared_as_one_number(void **state)
{
    (void)state;
    run_image(1, compare_versions);
}

static void IMAGE_ENTRY compare_others(void)
{
    nt_OSVERSIONINFOEXW version = {0};
    version.wProductType = NT_VER_NT_WORKSTATION;
    CLAIM_EQUAL(verify(&version, NT_VER_PRODUCT_TYPE, with(0, NT_VER_PRODUCT_TYPE, NT_VER_EQUAL)), NT_STATUS_SUCCESS);
    version.wProductType = NT_VER_NT_SERVER;
    CLAIM_EQUAL(verify(&version, NT_VER_PRODUCT_TYPE, with(0, NT_VER_PRODUCT_TYPE, NT_VER_EQUAL)), NT_STATUS_REVISION_MISMATCH);
    version.dwBuildNumber = 7601;
    CLAIM_EQUAL(verify(&version, NT_VER_BUILDNUMBER, with(0, NT_VER_BUILDNUMBER, NT_VER_GREATER_EQUAL)), NT_STATUS_SUCCESS);
    version.dwBuildNumber = 7602;
    CLAIM_EQUAL(verify(&version, NT_VER_BUILDNUMBER, with(0, NT_VER_BUILDNUMBER, NT_VER_GREATER_EQUAL)), NT_STATUS_REVISION_MISMATCH);
    version.wSuiteMask = NT_VER_SUITE_DATACENTER;
    CLAIM_EQUAL(verify(&version, NT_VER_SUITENAME, with(0, NT_VER_SUITENAME, NT_VER_OR)), NT_STATUS_REVISION_MISMATCH);
    CLAIM_EQUAL(rules_violation_count(), 0);
}

static void product_build_and_suites_are_compared(void **state)
{
    (void)state;
    run_image(1, compare_others);
}

static void IMAGE_ENTRY misuse(void)
{
    nt_OSVERSIONINFOEXW version = {0};
    CLAIM_EQUAL(with(5, NT_VER_MAJORVERSION | NT_VER_MINORVERSION, NT_VER_EQUAL), 5);
    CLAIM_ONLY("HOST-ARGUMENT", 1);
    CLAIM_EQUAL(with(5, NT_VER_MAJORVERSION, 0), 5);
    CLAIM_ONLY("HOST-ARGUMENT", 2);
    CLAIM_EQUAL(verify(&version, 0, 1), NT_STATUS_INVALID_PARAMETER);
    CLAIM_EQUAL(verify(&version, NT_VER_MAJORVERSION, with(0, NT_VER_MINORVERSION, NT_VER_EQUAL)), NT_STATUS_INVALID_PARAMETER);
    CLAIM_EQUAL(verify(&version, NT_VER_SUITENAME, with(0, NT_VER_SUITENAME, NT_VER_EQUAL)), NT_STATUS_INVALID_PARAMETER);
    CLAIM_ONLY("HOST-ARGUMENT", 5);
    version.dwOSVersionInfoSize = sizeof(nt_OSVERSIONINFOW);
    CLAIM_EQUAL(STDCALL(uint32_t, "RtlVerifyVersionInfo", void *, uint32_t, WIDE_TYPE)(&version, 1, WIDE(1)), NT_STATUS_INVALID_PARAMETER);
    CLAIM_EQUAL(rules_report_count("HOST-SIZEOF"), 1);
}

static void misuse_is_reported(void **state)
{
    (void)state;
    run_image(1, misuse);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_compared_as_one_number),
        cmocka_unit_test(product_build_and_suites_are_compared),
        cmocka_unit_test(misuse_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
