/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Strings, formatting, interlocked lists, MDLs, clocks, registers, versions: what the image gets is what Windows gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "abi/nt_constants.h"
#include "abi/nt_types.h"
#include "exec/call.h"
#include "exec/sched.h"
#include "exec/trap.h"
#include "image_side.h"
#include "nt/nt.h"
#include "rules/rules.h"

/* ---- strings ---- */

static void IMAGE_ENTRY use_counted_strings(void)
{
    static const uint16_t text[] = {'*', 'R', 's', 's', 0}, other[] = {'*', 'r', 'S', 'S', 0}, number[] = {' ', '0', 'x', '1', 'F', 0};
    nt_UNICODE_STRING left, right, copy = {0};
    STDCALL(void, "RtlInitUnicodeString", void *, const uint16_t *)(&left, text);
    STDCALL(void, "RtlInitUnicodeString", void *, const uint16_t *)(&right, other);
    CLAIM_EQUAL(left.Length, 8);
    CLAIM_EQUAL(left.MaximumLength, 10);
    CLAIM_EQUAL(STDCALL(uint8_t, "RtlEqualUnicodeString", void *, void *, uint8_t)(&left, &right, 1), 1);
    CLAIM_EQUAL(STDCALL(uint8_t, "RtlEqualUnicodeString", void *, void *, uint8_t)(&left, &right, 0), 0);
    CLAIM(STDCALL(int32_t, "RtlCompareUnicodeString", void *, void *, uint8_t)(&left, &right, 0) < 0);

    uint16_t buffer[4];
    copy.MaximumLength = 6;
    copy.Buffer = (uintptr_t)buffer;
    STDCALL(void, "RtlCopyUnicodeString", void *, void *)(&copy, &left);
    CLAIM_EQUAL(copy.Length, 6);
    CLAIM_EQUAL(STDCALL(uint32_t, "RtlAppendUnicodeStringToString", void *, void *)(&copy, &left), NT_STATUS_BUFFER_TOO_SMALL);

    nt_UNICODE_STRING ansi, wide = {0};
    STDCALL(void, "RtlInitAnsiString", void *, const char *)(&ansi, "Adapter");
    CLAIM_EQUAL(ansi.Length, 7);
    CLAIM_EQUAL(STDCALL(uint32_t, "RtlAnsiStringToUnicodeString", void *, void *, uint8_t)(&wide, &ansi, 1), 0);
    CLAIM_EQUAL(wide.Length, 14);
    CLAIM_EQUAL(((uint16_t *)wide.Buffer)[6], 'r');
    STDCALL(void, "RtlFreeUnicodeString", void *)(&wide);
    CLAIM_EQUAL(track_live_count(TRACK_POOL), 0);

    uint32_t value = 0;
    STDCALL(void, "RtlInitUnicodeString", void *, const uint16_t *)(&left, number);
    CLAIM_EQUAL(STDCALL(uint32_t, "RtlUnicodeStringToInteger", void *, uint32_t, uint32_t *)(&left, 0, &value), 0);
    CLAIM_EQUAL(value, 0x1F);
    CLAIM_EQUAL(rules_violation_count(), 0);
    left.Length = 3;
    STDCALL(uint8_t, "RtlEqualUnicodeString", void *, void *, uint8_t)(&left, &right, 1);
    CLAIM_ONLY("HOST-STRING", 1);
}

static void counted_strings_compare_copy_and_convert(void **state)
{
    (void)state;
    run_image(1, use_counted_strings);
}

static void utf8_and_utf16_convert_without_loss_or_overrun(void **state)
{
    (void)state;
    static const char text[] = "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x90\xA7z";
    uint16_t units[16];
    char back[32];
    assert_int_equal(nt_utf8_to_utf16(text, units, 16), 6);
    assert_int_equal(units[3], 0xD83D);
    nt_UNICODE_STRING string;
    string.Length = string.MaximumLength = 12;
    string.Buffer = (uintptr_t)units;
    nt_unicode_to_utf8(&string, back, sizeof(back));
    assert_string_equal(back, text);
    nt_unicode_to_utf8(&string, back, 5);
    assert_string_equal(back, "a\xC3\xA4");
    assert_int_equal(nt_utf8_to_utf16(text, units, 5), 3);
    string.Length = 2; /* half a pair */
    units[0] = 0xD800;
    nt_unicode_to_utf8(&string, back, sizeof(back));
    assert_string_equal(back, "\xEF\xBF\xBD");
}

#define PRINTED(expected, ...)                                                                                                             \
    do {                                                                                                                                   \
        char printed[128];                                                                                                                 \
        CLAIM_EQUAL(((int32_t(IMAGE_CDECL *)(char *, uintptr_t, const char *, ...))import("_snprintf"))(printed, 128, __VA_ARGS__),        \
                    strlen(expected));                                                                                                     \
        if (strcmp(printed, expected))                                                                                                     \
            claim_failed(printed, __LINE__, expected, 0, 0);                                                                               \
    } while (0)

static void IMAGE_ENTRY use_formats(void)
{
    static const uint16_t wide[] = {'w', 'i', 'd', 'e', 0};
    nt_UNICODE_STRING counted;
    counted.Length = counted.MaximumLength = 4;
    counted.Buffer = (uintptr_t)wide;
    PRINTED("plain 100%", "plain 100%%");
    PRINTED("-5 5 +5  5 00042", "%d %u %+d % d %05d", -5, 5, 5, 5, 42);
    PRINTED("ff FF 0xff 10", "%x %X %#x %o", 255, 255, 255, 8);
    PRINTED("4294967295", "%lu", 0xFFFFFFFFu);
    PRINTED("1234567890123 -1", "%I64u %I64d", 1234567890123ull, -1ll);
    PRINTED("1234567890123 7", "%llu %u", 1234567890123ull, 7);
    PRINTED("[  ab][ab  ][a]", "[%4s][%-4s][%.1s]", "ab", "ab", "ab");
    PRINTED("wide wide wi", "%ws %S %wZ", wide, wide, &counted);
    PRINTED("(null) c", "%s %c", (char *)NULL, 'c');
    PRINTED(sizeof(void *) == 8 ? "0000000000001234" : "00001234", "%p", (void *)0x1234);
    PRINTED("00:1a", "%02x:%02x", 0, 0x1A);
    char small[4];
    CLAIM_EQUAL(((int32_t(IMAGE_CDECL *)(char *, uintptr_t, const char *, ...))import("_snprintf"))(small, 4, "%d", 12345), -1);
    CLAIM_EQUAL(memcmp(small, "1234", 4), 0);
    CLAIM_EQUAL(rules_violation_count(), 0);
}

static void formats_are_those_of_the_kernel(void **state)
{
    (void)state;
    run_image(1, use_formats);
}

/* ---- interlocked ---- */

struct link {
    struct link *next, *previous;
};

static void IMAGE_ENTRY use_lists(void)
{
    struct link head = {&head, &head}, first, second;
    uintptr_t lock = 0;
#if defined(__x86_64__)
#define LIST(name, ...) STDCALL(void *, "ExInterlocked" name, __VA_ARGS__)
#else
#define LIST(name, ...) FASTCALL(void *, "ExfInterlocked" name, __VA_ARGS__)
#endif
    CLAIM(!LIST("InsertTailList", void *, void *, void *)(&head, &second, &lock));
    CLAIM(LIST("InsertHeadList", void *, void *, void *)(&head, &first, &lock) == &second);
    CLAIM(LIST("RemoveHeadList", void *, void *)(&head, &lock) == &first);
    CLAIM_EQUAL(rules_violation_count(), 0);
    second.previous = NULL;
    CLAIM(!LIST("RemoveHeadList", void *, void *)(&head, &lock));
    CLAIM_ONLY("HOST-LIST-CORRUPT", 1);
}

static void lists_are_linked_and_checked(void **state)
{
    (void)state;
    run_image(1, use_lists);
}

static void IMAGE_ENTRY use_sequenced_list(void)
{
    static nt_SLIST_HEADER header __attribute__((aligned(16)));
    static struct {
        void *next;
    } __attribute__((aligned(16))) entries[3];
    STDCALL(void, "InitializeSListHead", void *)(&header);
#if defined(__x86_64__)
#define SLIST(name, ...) STDCALL(void *, "ExpInterlocked" name, __VA_ARGS__)
#define FLUSH            "ExpInterlockedFlushSList"
#else
#define SLIST(name, ...) FASTCALL(void *, "Interlocked" name, __VA_ARGS__)
#define FLUSH            "ExInterlockedFlushSList"
#endif
    CLAIM(!SLIST("PushEntrySList", void *, void *)(&header, &entries[0]));
    CLAIM(SLIST("PushEntrySList", void *, void *)(&header, &entries[1]) == &entries[0]);
    CLAIM(SLIST("PushEntrySList", void *, void *)(&header, &entries[2]) == &entries[1]);
#if defined(__x86_64__)
    CLAIM_EQUAL(header.Header16_Depth, 3);
    CLAIM_EQUAL((uintptr_t)header.Header16_NextEntry << 4, (uintptr_t)&entries[2]);
#else
    CLAIM_EQUAL(header.Depth, 3);
#endif
    CLAIM(SLIST("PopEntrySList", void *)(&header) == &entries[2]);
    CLAIM(FASTCALL(void *, FLUSH, void *)(&header) == &entries[1]);
    CLAIM(entries[1].next == &entries[0]);
    CLAIM(!SLIST("PopEntrySList", void *)(&header));
    CLAIM_EQUAL(rules_violation_count(), 0);
}

static void sequenced_lists_keep_depth_and_order(void **state)
{
    (void)state;
    run_image(1, use_sequenced_list);
}

/* ---- MDLs ---- */

static uint64_t low_physical(const void *address)
{
    return (uintptr_t)address % 8192 < 4096 ? 0x5000 + (uintptr_t)address % 4096 : UINT64_MAX;
}

static void an_mdl_describes_its_memory_by_pages(void **state)
{
    (void)state;
    rules_reset();
    uint8_t *block = pool_allocate(10000, 0x74736554, NULL, 0, false);
    uint8_t *start = block + 4096 - (uintptr_t)block % 8192 + 100; /* odd page first, whatever the block's place */
    nt_set_physical(low_physical);
    nt_MDL *mdl = mdl_allocate(start, 5000, NULL, 0);
    nt_set_physical(NULL);
    assert_non_null(mdl);
    assert_int_equal(mdl->ByteCount, 5000);
    assert_int_equal(mdl->ByteOffset, 100);
    assert_ptr_equal((void *)(mdl->StartVa + mdl->ByteOffset), start);
    assert_int_equal(mdl->Size, sizeof(nt_MDL) + 2 * sizeof(uintptr_t));
    assert_ptr_equal(mdl_system_address(mdl), start);
    const uintptr_t *pages = (const uintptr_t *)(mdl + 1);
    bool first_is_ram = mdl->StartVa % 8192 < 4096;
    assert_int_equal(pages[first_is_ram ? 0 : 1], 5);
    assert_true(pages[first_is_ram ? 1 : 0] >= 0xF0000000u); /* beyond the reach of devices */
    mdl_free(mdl, 0);
    assert_int_equal(rules_violation_count(), 0);
    mdl_free(mdl, 0);
    assert_int_equal(rules_report_count("HOST-MDL"), 1);
    mdl = mdl_allocate(block + 5000, 6000, NULL, 0);
    assert_int_equal(rules_report_count("HOST-MDL"), 2); /* beyond its block */
    mdl_free(mdl, 0);
    pool_free(block, 0, 0);
    assert_int_equal(track_live_count(TRACK_MDL), 0);
}

static void IMAGE_ENTRY use_mdls(void)
{
    uint8_t *block = STDCALL(void *, "ExAllocatePoolWithTag", uint32_t, uintptr_t, uint32_t)(0, 6000, 0x74736554);
    nt_MDL *mdl = STDCALL(void *, "IoAllocateMdl", void *, uint32_t, uint8_t, uint8_t, void *)(block, 6000, 0, 0, NULL);
    CLAIM_EQUAL(mdl->MdlFlags, 0);
    STDCALL(void, "MmBuildMdlForNonPagedPool", void *)(mdl);
    CLAIM(mdl->MdlFlags & NT_MDL_SOURCE_IS_NONPAGED_POOL);
    CLAIM_EQUAL(mdl->MappedSystemVa, (uintptr_t)block);
    nt_MDL *part = STDCALL(void *, "IoAllocateMdl", void *, uint32_t, uint8_t, uint8_t, void *)(block + 100, 200, 0, 0, NULL);
    STDCALL(void, "IoBuildPartialMdl", void *, void *, void *, uint32_t)(mdl, part, block + 100, 200);
    CLAIM_EQUAL(part->MappedSystemVa, (uintptr_t)block + 100);
    CLAIM_EQUAL(part->ByteCount, 200);
    CLAIM_EQUAL(rules_violation_count(), 0);
    STDCALL(void, "IoBuildPartialMdl", void *, void *, void *, uint32_t)(mdl, part, block + 5900, 200);
    CLAIM_ONLY("HOST-MDL", 1);
    STDCALL(void, "IoFreeMdl", void *)(part);
    STDCALL(void, "IoFreeMdl", void *)(mdl);
    STDCALL(void, "ExFreePool", void *)(block);
    CLAIM_EQUAL(track_audit(NULL, "test"), 0);
}

static void the_image_builds_mdls(void **state)
{
    (void)state;
    run_image(1, use_mdls);
}

/* ---- clocks, processors, versions ---- */

static void IMAGE_ENTRY use_clocks(void)
{
    uint64_t frequency = 0;
    uint64_t start = STDCALL(uint64_t, "KeQueryPerformanceCounter", uint64_t *)(&frequency);
    CLAIM_EQUAL(frequency, 10000000);
    STDCALL(void, "KeStallExecutionProcessor", uint32_t)(30);
    CLAIM(STDCALL(uint64_t, "KeQueryPerformanceCounter", uint64_t *)(NULL) - start >= 300);
    CLAIM_EQUAL(rules_warning_count(), 0);
    STDCALL(void, "KeStallExecutionProcessor", uint32_t)(60);
    CLAIM_ONLY("WAI-03", 1);
    CLAIM_EQUAL(STDCALL(uint32_t, "KeQueryActiveProcessorCount", uintptr_t *)(NULL), 2);
    CLAIM_EQUAL(STDCALL(uint32_t, "KeQueryActiveProcessorCountEx", uint16_t)(NT_ALL_PROCESSOR_GROUPS), 2);
    CLAIM_EQUAL(*(volatile uint8_t *)import("KeNumberProcessors"), 2);
#if UINTPTR_MAX == UINT32_MAX
    uint32_t ticks = *(volatile uint32_t *)import("KeTickCount");
    CLAIM(sched_now() / 156250 - ticks < 10);
#endif
    nt_OSVERSIONINFOEXW version = {.dwOSVersionInfoSize = sizeof(version)};
    STDCALL(uint32_t, "RtlGetVersion", void *)(&version);
    CLAIM_EQUAL(version.dwMajorVersion, 6);
    CLAIM_EQUAL(version.dwMinorVersion, 1);
    CLAIM_EQUAL(version.dwBuildNumber, 7601);
    static uint16_t name[] = {'K', 'e', 'S', 'e', 't', 'E', 'v', 'e', 'n', 't', 0}, wrong[] = {'K', 'e', 'X', 0};
    nt_UNICODE_STRING string;
    STDCALL(void, "RtlInitUnicodeString", void *, uint16_t *)(&string, name);
    CLAIM_EQUAL(STDCALL(uintptr_t, "MmGetSystemRoutineAddress", void *)(&string), import("KeSetEvent"));
    STDCALL(void, "RtlInitUnicodeString", void *, uint16_t *)(&string, wrong);
    CLAIM_EQUAL(STDCALL(uintptr_t, "MmGetSystemRoutineAddress", void *)(&string), 0);
    CLAIM_EQUAL(rules_violation_count(), 0);
}

static void clocks_processors_and_versions_are_windows_7s(void **state)
{
    (void)state;
    run_image(2, use_clocks);
}

static void IMAGE_ENTRY use_fast_mutex(void)
{
    nt_FAST_MUTEX mutex = {.Count = 1};
    STDCALL(void, "KeInitializeEvent", void *, uint32_t, uint8_t)(mutex.Event, 1, 0);
    FASTCALL(void, "ExAcquireFastMutex", void *)(&mutex);
    CLAIM_EQUAL(irql_current(), IRQL_APC);
    FASTCALL(void, "ExReleaseFastMutex", void *)(&mutex);
    CLAIM_EQUAL(irql_current(), IRQL_PASSIVE);
    CLAIM_EQUAL(rules_violation_count(), 0);
    FASTCALL(void, "ExReleaseFastMutex", void *)(&mutex);
    CLAIM_ONLY("HOST-MUTEX-OWNER", 1);
}

static void fast_mutexes_raise_to_apc_level(void **state)
{
    (void)state;
    run_image(1, use_fast_mutex);
}

#if UINTPTR_MAX == UINT32_MAX

/* ---- x86: registers and 64-bit arithmetic are imports ---- */

static uint32_t device_register[4];

static uint64_t device_read(void *context, uint64_t offset, unsigned width)
{
    (void)context;
    return width == 4 ? device_register[offset / 4] : 0xEE;
}

static void device_write(void *context, uint64_t offset, unsigned width, uint64_t value)
{
    (void)context;
    device_register[offset / 4] = (uint32_t)value + width;
}

static uintptr_t registers;

static void IMAGE_ENTRY use_registers(void)
{
    STDCALL(void, "WRITE_REGISTER_ULONG", uintptr_t, uint32_t)(registers + 4, 0x100);
    CLAIM_EQUAL(STDCALL(uint32_t, "READ_REGISTER_ULONG", uintptr_t)(registers + 4), 0x104);
    STDCALL(void, "WRITE_REGISTER_USHORT", uintptr_t, uint32_t)(registers + 8, 0x99990010);
    CLAIM_EQUAL(device_register[2], 0x12);
    CLAIM_EQUAL(STDCALL(uint8_t, "READ_REGISTER_UCHAR", uintptr_t)(registers), 0xEE);
    uint32_t values[2];
    STDCALL(void, "READ_REGISTER_BUFFER_ULONG", uintptr_t, uint32_t *, uint32_t)(registers + 4, values, 2);
    CLAIM_EQUAL(values[1], 0x12);
    uint32_t memory = 0x55;
    CLAIM_EQUAL(STDCALL(uint32_t, "READ_REGISTER_ULONG", void *)(&memory), 0x55);
    CLAIM_EQUAL(rules_violation_count(), 0);
}

static void register_functions_reach_the_device(void **state)
{
    (void)state;
    static const struct trap_region_ops ops = {device_read, device_write};
    image_side_set_up();
    void *region = trap_region_map("device", 16, &ops, NULL);
    assert_non_null(region);
    registers = (uintptr_t)region;
    run_image(1, use_registers);
    trap_region_unmap(region);
}

struct divided {
    uint64_t quotient, remainder;
};

/* These two return the remainder in ebx:ecx. */
static struct divided divide_with_remainder(const char *name, uint64_t dividend, uint64_t divisor)
{
    struct divided result;
    uintptr_t function = import(name);
    uint32_t arguments[4] = {(uint32_t)dividend, (uint32_t)(dividend >> 32), (uint32_t)divisor, (uint32_t)(divisor >> 32)}, high, low;
    __asm__ volatile("pushl 12(%%esi); pushl 8(%%esi); pushl 4(%%esi); pushl (%%esi); call *%%edi"
                     : "=A"(result.quotient), "=b"(high), "=c"(low)
                     : "S"(arguments), "D"(function)
                     : "cc", "memory");
    result.remainder = (uint64_t)high << 32 | low;
    return result;
}

static void arithmetic_helpers_agree_with_the_compiler(void **state)
{
    (void)state;
    image_side_set_up();
    static const int64_t numbers[] = {0,
                                      1,
                                      -1,
                                      2,
                                      7,
                                      -7,
                                      1000000007,
                                      -1000000007,
                                      0x7FFFFFFFFFFFFFFFll,
                                      -0x7FFFFFFFFFFFFFFFll - 1,
                                      0x100000000ll,
                                      0xFFFFFFFFll,
                                      0x123456789ABCDEFll};
    enum { COUNT = sizeof(numbers) / sizeof(numbers[0]) };
    for (unsigned i = 0; i < COUNT; i++) {
        for (unsigned j = 0; j < COUNT; j++) {
            int64_t a = numbers[i], b = numbers[j];
            uint64_t ua = (uint64_t)a, ub = (uint64_t)b;
            assert_true(STDCALL(uint64_t, "_allmul", uint64_t, uint64_t)(ua, ub) == ua * ub);
            if (b == 0 || (a == INT64_MIN && b == -1))
                continue;
            assert_true(STDCALL(uint64_t, "_aulldiv", uint64_t, uint64_t)(ua, ub) == ua / ub);
            assert_true(STDCALL(uint64_t, "_aullrem", uint64_t, uint64_t)(ua, ub) == ua % ub);
            assert_true(STDCALL(int64_t, "_alldiv", int64_t, int64_t)(a, b) == a / b);
            assert_true(STDCALL(int64_t, "_allrem", int64_t, int64_t)(a, b) == a % b);
            struct divided signed_result = divide_with_remainder("_alldvrm", ua, ub);
            struct divided unsigned_result = divide_with_remainder("_aulldvrm", ua, ub);
            assert_true((int64_t)signed_result.quotient == a / b && (int64_t)signed_result.remainder == a % b);
            assert_true(unsigned_result.quotient == ua / ub && unsigned_result.remainder == ua % ub);
        }
        for (unsigned shift = 0; shift < 64; shift += 7) {
            uint64_t left = (uint64_t)numbers[i], right = left, arithmetic = left;
            __asm__ volatile("call *%1" : "+A"(left) : "r"(import("_allshl")), "c"(shift) : "cc");
            __asm__ volatile("call *%1" : "+A"(right) : "r"(import("_aullshr")), "c"(shift) : "cc");
            __asm__ volatile("call *%1" : "+A"(arithmetic) : "r"(import("_allshr")), "c"(shift) : "cc");
            assert_true(left == (uint64_t)numbers[i] << shift);
            assert_true(right == (uint64_t)numbers[i] >> shift);
            assert_true((int64_t)arithmetic == numbers[i] >> shift);
        }
    }
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counted_strings_compare_copy_and_convert),
        cmocka_unit_test(utf8_and_utf16_convert_without_loss_or_overrun),
        cmocka_unit_test(formats_are_those_of_the_kernel),
        cmocka_unit_test(lists_are_linked_and_checked),
        cmocka_unit_test(sequenced_lists_keep_depth_and_order),
        cmocka_unit_test(an_mdl_describes_its_memory_by_pages),
        cmocka_unit_test(the_image_builds_mdls),
        cmocka_unit_test(clocks_processors_and_versions_are_windows_7s),
        cmocka_unit_test(fast_mutexes_raise_to_apc_level),
#if UINTPTR_MAX == UINT32_MAX
        cmocka_unit_test(register_functions_reach_the_device),
        cmocka_unit_test(arithmetic_helpers_agree_with_the_compiler),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
