/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Power settings: told once, not after they were unregistered, and misuse is reported. */
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
#include "nt/worker.h"
#include "rules/acquire.h"
#include "rules/rules.h"

/* GUID_MONITOR_POWER_ON, and one of a battery. */
static const uint8_t monitor[16] = {0x15, 0x10, 0x73, 0x02, 0x10, 0x45, 0x26, 0x45, 0x99, 0xE6, 0xE5, 0xA1, 0x7E, 0xBD, 0x1A, 0xEA};
static const uint8_t battery[16] = {0xAD, 0x0A, 0x80, 0xA7};

static unsigned told;
static uint32_t last_value, last_length;
static void *handle_in_routine;
static nt_KEVENT event;

static void wait_told(void)
{
    STDCALL(uint32_t, "KeWaitForSingleObject", void *, uint32_t, uint8_t, uint8_t, void *)(&event, 0, 0, 0, NULL);
}

static uint32_t remove_callback(void *handle)
{
    return STDCALL(uint32_t, "PoUnregisterPowerSettingCallback", void *)(handle);
}

static uint32_t IMAGE_ENTRY routine(const void *guid, const void *value, uint32_t length, void *context)
{
    CLAIM(memcmp(guid, monitor, sizeof(monitor)) == 0);
    CLAIM_EQUAL(STDCALL(uint8_t, "KeGetCurrentIrql", void)(), 0);
    told++;
    last_length = length;
    memcpy(&last_value, value, sizeof(last_value));
    if (context)
        CLAIM_EQUAL(remove_callback(*(void **)context), NT_STATUS_SUCCESS);
    STDCALL(int32_t, "KeSetEvent", void *, int32_t, uint8_t)(&event, 0, 0);
    return NT_STATUS_SUCCESS;
}

static uint32_t add_callback(const void *guid, void *code, void *context, void **handle)
{
    return STDCALL(uint32_t, "PoRegisterPowerSettingCallback", void *, const void *, void *, void *, void **)(NULL, guid, code, context,
                                                                                                              handle);
}

static void set_up(void)
{
    told = last_value = last_length = 0;
    STDCALL(void, "KeInitializeEvent", void *, uint32_t, uint8_t)(&event, 1, 0);
}

static void IMAGE_ENTRY use_settings(void)
{
    void *handle = NULL, *other = NULL;
    set_up();
    CLAIM_EQUAL(add_callback(monitor, (void *)routine, NULL, &handle), NT_STATUS_SUCCESS);
    wait_told();
    CLAIM_EQUAL(last_value, 1);
    CLAIM_EQUAL(last_length, 4);
    CLAIM_EQUAL(add_callback(battery, (void *)routine, NULL, &other), NT_STATUS_SUCCESS); /* there is none: never told */
    CLAIM_EQUAL(remove_callback(other), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(remove_callback(handle), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(told, 1);
    CLAIM_EQUAL(add_callback(monitor, (void *)routine, &handle_in_routine, &handle_in_routine), NT_STATUS_SUCCESS);
    wait_told(); /* unregistered by the routine itself */
    CLAIM_EQUAL(told, 2);
    for (unsigned round = 0; round < 50; ++round) { /* queued, running or done: not called any more */
        CLAIM_EQUAL(add_callback(monitor, (void *)routine, NULL, &handle), NT_STATUS_SUCCESS);
        CLAIM_EQUAL(remove_callback(handle), NT_STATUS_SUCCESS);
        unsigned before = told;
        STDCALL(uint32_t, "KeDelayExecutionThread", uint8_t, uint8_t, void *)(0, 0, &(int64_t){-1});
        CLAIM_EQUAL(told, before);
    }
    CLAIM_EQUAL(rules_violation_count(), 0);
}

static void IMAGE_ENTRY misuse(void)
{
    void *handle = NULL;
    set_up();
    CLAIM_EQUAL(add_callback(NULL, (void *)routine, NULL, &handle), NT_STATUS_INVALID_PARAMETER);
    CLAIM_EQUAL(add_callback(monitor, NULL, NULL, &handle), NT_STATUS_INVALID_PARAMETER);
    CLAIM_ONLY("HOST-ARGUMENT", 2);
    acquire_reset();
    acquire_refuse_number(1);
    CLAIM_EQUAL(add_callback(monitor, (void *)routine, NULL, &handle), NT_STATUS_INSUFFICIENT_RESOURCES);
    acquire_reset();
    CLAIM_EQUAL(add_callback(battery, (void *)routine, NULL, &handle), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(remove_callback(handle), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(remove_callback(handle), NT_STATUS_INVALID_PARAMETER); /* twice */
    CLAIM_EQUAL(rules_report_count("HOST-HANDLE"), 1);
    CLAIM_EQUAL(add_callback(battery, (void *)routine, NULL, NULL), NT_STATUS_SUCCESS); /* and never unregistered */
}

/* Acquiring and releasing the worker threads is host code; what runs between is image code. */
static void(IMAGE_ENTRY *body)(void);

static void with_workers(void *unused)
{
    (void)unused;
    worker_threads_acquire();
    image_call("test", (uintptr_t)body, 0, NULL);
    worker_threads_release();
}

static void run_with_workers(void(IMAGE_ENTRY *code)(void))
{
    image_side_set_up();
    body = code;
    assert_int_equal(sched_start(2), 0);
    sched_run("test", with_workers, NULL);
    assert_int_equal(sched_stop(), 0);
}

static void a_setting_is_told_once(void **state)
{
    (void)state;
    run_with_workers(use_settings);
    assert_int_equal(track_audit(NULL, "at the end"), 0);
}

static void misuse_of_settings_is_reported(void **state)
{
    (void)state;
    run_with_workers(misuse);
    assert_int_equal(track_audit(NULL, "at the end"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_setting_is_told_once),
        cmocka_unit_test(misuse_of_settings_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
