/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Bitmaps, regions and guarded mutexes, rundown, bug check callbacks, ETW, conversions: what they do, and which misuse is reported. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "abi/nt_constants.h"
#include "abi/nt_types.h"
#include "exec/sched.h"
#include "image_side.h"
#include "nt/nt.h"
#include "rules/rules.h"

/* ---- bitmaps ---- */

static void IMAGE_ENTRY use_bitmap(void)
{
    uint32_t words[3] = {0}, start;
    nt_RTL_BITMAP map;
    STDCALL(void, "RtlInitializeBitMap", void *, void *, uint32_t)(&map, words, 70);
    STDCALL(void, "RtlSetBits", void *, uint32_t, uint32_t)(&map, 3, 40);
    CLAIM_EQUAL(STDCALL(uint32_t, "RtlNumberOfSetBits", void *)(&map), 40);
    CLAIM_EQUAL(STDCALL(uint32_t, "RtlNumberOfClearBits", void *)(&map), 30);
    CLAIM_EQUAL(STDCALL(uint32_t, "RtlFindClearBits", void *, uint32_t, uint32_t)(&map, 4, 0), 43);
    CLAIM_EQUAL(STDCALL(uint32_t, "RtlFindClearBits", void *, uint32_t, uint32_t)(&map, 3, 69), 0); /* wraps */
    CLAIM_EQUAL(STDCALL(uint32_t, "RtlFindClearBits", void *, uint32_t, uint32_t)(&map, 28, 0), UINT32_MAX);
    CLAIM_EQUAL(STDCALL(uint32_t, "RtlFindClearBitsAndSet", void *, uint32_t, uint32_t)(&map, 2, 1), 1);
    CLAIM_EQUAL(STDCALL(uint8_t, "RtlAreBitsSet", void *, uint32_t, uint32_t)(&map, 1, 42), 1);
    CLAIM_EQUAL(STDCALL(uint8_t, "RtlAreBitsSet", void *, uint32_t, uint32_t)(&map, 60, 20), 0);
    CLAIM_EQUAL(STDCALL(uint32_t, "RtlFindLongestRunClear", void *, uint32_t *)(&map, &start), 27);
    CLAIM_EQUAL(start, 43);
    CLAIM_EQUAL(STDCALL(int8_t, "RtlFindMostSignificantBit", uint64_t)(0x10000000000ull), 40);
    CLAIM_EQUAL(STDCALL(uint8_t, "RtlFindLeastSignificantBit", uint64_t)(0), 0xFF);
    CLAIM_EQUAL(rules_violation_count(), 0);
    STDCALL(void, "RtlSetBit", void *, uint32_t)(&map, 70);
    CLAIM_ONLY("HOST-ARGUMENT", 1);
    CLAIM_EQUAL(words[2] >> 6, 0);
}

static void bitmaps_find_runs_and_stay_inside(void **state)
{
    (void)state;
    run_image(1, use_bitmap);
}

/* ---- guarded mutexes ---- */

static nt_KGUARDED_MUTEX guarded;
static unsigned inside, inside_at_most, turns;
enum { CONTENDERS = 3, TURNS = 200 };

static void IMAGE_ENTRY contend(uintptr_t number)
{
    (void)number;
    for (unsigned i = 0; i < TURNS; i++) {
        FASTCALL(void, "KeAcquireGuardedMutex", void *)(&guarded);
        if (++inside > inside_at_most)
            inside_at_most = inside;
        turns++;
        inside--;
        FASTCALL(void, "KeReleaseGuardedMutex", void *)(&guarded);
    }
}

static void IMAGE_ENTRY initialize_mutex(void)
{
    FASTCALL(void, "KeInitializeGuardedMutex", void *)(&guarded);
}

static void guarded_mutexes_admit_one_at_a_time(void **state)
{
    (void)state;
    inside = inside_at_most = turns = 0;
    run_image(2, initialize_mutex);
    run_contenders(2, CONTENDERS, contend);
    assert_int_equal(turns, CONTENDERS * TURNS);
    assert_int_equal(inside_at_most, 1);
    assert_int_equal(rules_violation_count(), 0);
}

static void IMAGE_ENTRY misuse_regions(void)
{
    FASTCALL(void, "KeInitializeGuardedMutex", void *)(&guarded);
    CLAIM_EQUAL(STDCALL(uint8_t, "KeAreApcsDisabled", void)(), 0);
    FASTCALL(void, "KeAcquireGuardedMutex", void *)(&guarded);
    CLAIM_EQUAL(STDCALL(uint8_t, "KeAreAllApcsDisabled", void)(), 1);
    CLAIM_EQUAL(FASTCALL(uint8_t, "KeTryToAcquireGuardedMutex", void *)(&guarded), 0);
    FASTCALL(void, "KeReleaseGuardedMutex", void *)(&guarded);
    CLAIM_EQUAL(STDCALL(uint8_t, "KeAreAllApcsDisabled", void)(), 0);
    STDCALL(void, "KeEnterCriticalRegion", void)();
    FASTCALL(void, "KeAcquireGuardedMutexUnsafe", void *)(&guarded);
    FASTCALL(void, "KeReleaseGuardedMutexUnsafe", void *)(&guarded);
    STDCALL(void, "KeLeaveCriticalRegion", void)();
    CLAIM_EQUAL(rules_violation_count(), 0);
    STDCALL(void, "KeLeaveCriticalRegion", void)();
    CLAIM_ONLY("HOST-REGION", 1);
    FASTCALL(void, "KeAcquireGuardedMutexUnsafe", void *)(&guarded);
    CLAIM_ONLY("HOST-REGION", 2);
    FASTCALL(void, "KeReleaseGuardedMutexUnsafe", void *)(&guarded);
    FASTCALL(void, "KeReleaseGuardedMutex", void *)(&guarded);
    CLAIM_EQUAL(rules_report_count("HOST-MUTEX-OWNER"), 1);
}

static void regions_are_left_as_often_as_entered(void **state)
{
    (void)state;
    run_image(1, misuse_regions);
}

/* ---- rundown ---- */

static void IMAGE_ENTRY run_down(void)
{
    uintptr_t word;
    nt_IO_REMOVE_LOCK_COMMON_BLOCK lock;
    FASTCALL(void, "ExInitializeRundownProtection", void *)(&word);
    CLAIM_EQUAL(FASTCALL(uint8_t, "ExAcquireRundownProtection", void *)(&word), 1);
    FASTCALL(void, "ExReleaseRundownProtection", void *)(&word);
    FASTCALL(void, "ExWaitForRundownProtectionRelease", void *)(&word);
    CLAIM_EQUAL(FASTCALL(uint8_t, "ExAcquireRundownProtection", void *)(&word), 0);
    STDCALL(void, "IoInitializeRemoveLockEx", void *, uint32_t, uint32_t, uint32_t, uint32_t)(&lock, 1, 0, 0, sizeof(lock));
    CLAIM_EQUAL(
        STDCALL(uint32_t, "IoAcquireRemoveLockEx", void *, void *, const char *, uint32_t, uint32_t)(&lock, &word, "", 1, sizeof(lock)), 0);
    STDCALL(void, "IoReleaseRemoveLockAndWaitEx", void *, void *, uint32_t)(&lock, &word, sizeof(lock));
    CLAIM_EQUAL(
        STDCALL(uint32_t, "IoAcquireRemoveLockEx", void *, void *, const char *, uint32_t, uint32_t)(&lock, &word, "", 1, sizeof(lock)),
        NT_STATUS_DELETE_PENDING);
    CLAIM_EQUAL(rules_violation_count(), 0);
    FASTCALL(void, "ExReleaseRundownProtection", void *)(&word);
    CLAIM_ONLY("HOST-RUNDOWN", 1);
}

static void rundown_closes_the_door(void **state)
{
    (void)state;
    run_image(1, run_down);
}

/* ---- bug check callbacks ---- */

static unsigned bug_checks_seen;
static uint8_t bug_check_irql;

static void IMAGE_ENTRY on_bug_check(void *buffer, uint32_t length)
{
    bug_checks_seen += length == 8;
    memset(buffer, 0x5A, length);
    bug_check_irql = irql_current();
}

static nt_KBUGCHECK_CALLBACK_RECORD record;
static uint64_t dump;

static void IMAGE_ENTRY register_callback(void)
{
    memset(&record, 0, sizeof(record)); /* KeInitializeCallbackRecord */
    CLAIM_EQUAL(STDCALL(uint8_t, "KeRegisterBugCheckCallback", void *, void *, void *, uint32_t,
                        const char *)(&record, (void *)(uintptr_t)on_bug_check, &dump, sizeof(dump), "test"),
                1);
    CLAIM_EQUAL(rules_violation_count(), 0);
    CLAIM_EQUAL(STDCALL(uint8_t, "KeRegisterBugCheckCallback", void *, void *, void *, uint32_t,
                        const char *)(&record, (void *)(uintptr_t)on_bug_check, &dump, sizeof(dump), "test"),
                0);
    CLAIM_ONLY("HOST-CALLBACK", 1);
    CLAIM_EQUAL(track_live_count(TRACK_CALLBACK), 1);
}

static void stop_the_machine(void *unused)
{
    (void)unused;
    nt_bugcheck_callbacks_run();
}

static void IMAGE_ENTRY deregister_callback(void)
{
    CLAIM_EQUAL(STDCALL(uint8_t, "KeDeregisterBugCheckCallback", void *)(&record), 1);
    CLAIM_EQUAL(STDCALL(uint8_t, "KeDeregisterBugCheckCallback", void *)(&record), 0);
    CLAIM_EQUAL(track_live_count(TRACK_CALLBACK), 0);
}

static void bug_check_callbacks_run_at_high_level_until_deregistered(void **state)
{
    (void)state;
    bug_checks_seen = 0;
    run_image(1, register_callback);
    assert_int_equal(sched_start(1), 0);
    sched_run("bug check", stop_the_machine, NULL);
    assert_int_equal(sched_stop(), 0);
    assert_int_equal(bug_checks_seen, 1);
    assert_int_equal(bug_check_irql, IRQL_HIGH);
    assert_true(dump == 0x5A5A5A5A5A5A5A5Aull);
    assert_int_equal(record.State, 3);
    run_image(1, deregister_callback);
}

/* ---- ETW ---- */

static void IMAGE_ENTRY trace_events(void)
{
    static const nt_GUID provider;
    uint64_t handle = 0;
    CLAIM_EQUAL(STDCALL(uint32_t, "EtwRegister", const void *, void *, void *, uint64_t *)(&provider, NULL, NULL, &handle), 0);
    CLAIM(handle != 0);
    CLAIM_EQUAL(STDCALL(uint8_t, "EtwEventEnabled", uint64_t, const void *)(handle, &provider), 0);
    CLAIM_EQUAL(track_live_count(TRACK_CALLBACK), 1);
    CLAIM_EQUAL(STDCALL(uint32_t, "EtwUnregister", uint64_t)(handle), 0);
    CLAIM_EQUAL(track_live_count(TRACK_CALLBACK), 0);
    CLAIM_EQUAL(rules_violation_count(), 0);
    CLAIM_EQUAL(STDCALL(uint32_t, "EtwUnregister", uint64_t)(handle), NT_STATUS_INVALID_HANDLE);
    CLAIM_ONLY("HOST-HANDLE", 1);
}

static void trace_providers_register_and_are_never_enabled(void **state)
{
    (void)state;
    run_image(1, trace_events);
}

/* ---- conversions ---- */

static void IMAGE_ENTRY convert(void)
{
    /* 2009-10-22 13:14:15.016, a Thursday: Windows 7 was released. */
    nt_TIME_FIELDS fields = {0}, back;
    int64_t time = 0;
    fields.Year = 2009;
    fields.Month = 10;
    fields.Day = 22;
    fields.Hour = 13;
    fields.Minute = 14;
    fields.Second = 15;
    fields.Milliseconds = 16;
    CLAIM_EQUAL(STDCALL(uint8_t, "RtlTimeFieldsToTime", void *, void *)(&fields, &time), 1);
    CLAIM_EQUAL(time / 10000, 12900690855016ll);
    STDCALL(void, "RtlTimeToTimeFields", void *, void *)(&time, &back);
    fields.Weekday = 4;
    CLAIM_EQUAL(memcmp(&fields, &back, sizeof(fields)), 0);
    fields.Month = 2;
    fields.Day = 29;
    CLAIM_EQUAL(STDCALL(uint8_t, "RtlTimeFieldsToTime", void *, void *)(&fields, &time), 0);

    nt_GUID guid = {0}, again = {0};
    nt_UNICODE_STRING text;
    guid.Data1 = 0x4d36e972;
    guid.Data2 = 0xe325;
    guid.bytes_[15] = 0x18;
    CLAIM_EQUAL(STDCALL(uint32_t, "RtlStringFromGUID", void *, void *)(&guid, &text), 0);
    CLAIM_EQUAL(text.Length, 76);
    CLAIM_EQUAL(STDCALL(uint32_t, "RtlGUIDFromString", void *, void *)(&text, &again), 0);
    CLAIM_EQUAL(memcmp(&guid, &again, sizeof(guid)), 0);
    ((uint16_t *)text.Buffer)[37] = ')';
    CLAIM_EQUAL(STDCALL(uint32_t, "RtlGUIDFromString", void *, void *)(&text, &again), NT_STATUS_INVALID_PARAMETER);
    STDCALL(void, "RtlFreeUnicodeString", void *)(&text);
    CLAIM_EQUAL(track_live_count(TRACK_POOL), 0);
    CLAIM_EQUAL(rules_violation_count(), 0);
}

static void times_and_guids_convert_both_ways(void **state)
{
    (void)state;
    run_image(1, convert);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bitmaps_find_runs_and_stay_inside),
        cmocka_unit_test(guarded_mutexes_admit_one_at_a_time),
        cmocka_unit_test(regions_are_left_as_often_as_entered),
        cmocka_unit_test(rundown_closes_the_door),
        cmocka_unit_test(bug_check_callbacks_run_at_high_level_until_deregistered),
        cmocka_unit_test(trace_providers_register_and_are_never_enabled),
        cmocka_unit_test(times_and_guids_convert_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
