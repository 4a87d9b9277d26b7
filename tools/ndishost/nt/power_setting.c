/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * power_setting.c - PoRegisterPowerSettingCallback: a driver is told of a power setting once when it registers, by a worker thread. The
 * machine is a desktop on mains that is in use: nothing changes afterwards. Settings that it does not have, a battery's, are never told.
 */
#include "nt/exports.h"
#include "nt/nt.h"
#include "nt/pool.h"
#include "nt/worker.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "abi/nt_constants.h"
#include "abi/nt_types.h"
#include "exec/sched.h"
#include "rules/acquire.h"
#include "rules/rules.h"

enum { TAG_VALUE = 0x676E7453 /* 'Stng' */, GUID_BYTES = 16 };

/* Each setting that the machine has: its GUID and value, as they lie in memory. */
static const struct {
    uint8_t guid[GUID_BYTES];
    uint32_t length;
    uint8_t value[GUID_BYTES];
} settings[] = {
    /* GUID_ACDC_POWER_SOURCE: PoAc */
    {{0x59, 0x9A, 0x3E, 0x5D, 0xD5, 0xE9, 0x00, 0x4B, 0xA6, 0xBD, 0xFF, 0x34, 0xFF, 0x51, 0x65, 0x48}, 4, {0}},
    /* GUID_MONITOR_POWER_ON: on */
    {{0x15, 0x10, 0x73, 0x02, 0x10, 0x45, 0x26, 0x45, 0x99, 0xE6, 0xE5, 0xA1, 0x7E, 0xBD, 0x1A, 0xEA}, 4, {1}},
    /* GUID_SYSTEM_AWAYMODE: not away */
    {{0x80, 0xF5, 0xA7, 0x98, 0xF7, 0x01, 0xAA, 0x48, 0x9C, 0x0F, 0x44, 0x35, 0x2C, 0x29, 0xE5, 0xC0}, 4, {0}},
    /* GUID_POWERSCHEME_PERSONALITY: GUID_TYPICAL_POWER_SAVINGS */
    {{0x41, 0x85, 0x5D, 0x24, 0x43, 0x39, 0x22, 0x44, 0xB0, 0x25, 0x13, 0xA7, 0x84, 0xF6, 0x79, 0xB7},
     GUID_BYTES,
     {0x22, 0x42, 0x1B, 0x38, 0x94, 0xF6, 0xF0, 0x41, 0x96, 0x85, 0xFF, 0x5B, 0xB2, 0x60, 0xDF, 0x2E}},
};
enum { NO_SETTING = sizeof(settings) / sizeof(settings[0]) };

enum state { UNTOLD, QUEUED, BEGUN }; /* it never has to be told; or it is, once */

struct registration {
    struct worker_entry entry; /* first: the worker gives it back */
    struct registration *next;
    uintptr_t routine, context;
    unsigned setting;
    enum state state;
    const void *runner;          /* the thread that runs the routine, while it does */
    bool gone;                   /* unregistered by its own routine: freed when that returns */
    struct sched_event returned; /* stays set */
};

/* Guards the list and the states; never held across a yield point. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct registration *registrations;

static unsigned setting_of(const void *guid)
{
    unsigned index = 0;
    while (index < NO_SETTING && memcmp(settings[index].guid, guid, GUID_BYTES) != 0)
        ++index;
    return index;
}

/* Value and GUID are the driver's to read until its routine returns. */
static void tell(const struct registration *registration)
{
    uint32_t length = settings[registration->setting].length;
    uint8_t *value = pool_allocate_block(length, TAG_VALUE, NULL, 0, POOL_UNTRACKED);
    uint8_t *guid = pool_allocate_block(GUID_BYTES, TAG_VALUE, NULL, 0, POOL_UNTRACKED);
    if (!value || !guid)
        abort();
    memcpy(value, settings[registration->setting].value, length);
    memcpy(guid, settings[registration->setting].guid, GUID_BYTES);
    IMAGE_CALL("POWER_SETTING_CALLBACK", registration->routine, (uintptr_t)guid, (uintptr_t)value, length, registration->context);
    pool_free_untracked(guid, 0);
    pool_free_untracked(value, 0);
}

static void run(struct worker_entry *entry)
{
    struct registration *registration = (struct registration *)entry;
    pthread_mutex_lock(&mutex);
    registration->state = BEGUN;
    registration->runner = sched_current_thread_key();
    pthread_mutex_unlock(&mutex);
    tell(registration);
    pthread_mutex_lock(&mutex);
    registration->runner = NULL;
    bool gone = registration->gone;
    pthread_mutex_unlock(&mutex);
    if (gone)
        free(registration);
    else
        sched_event_set(&registration->returned); /* the last touch: whoever unregisters it waits for that */
}

/* NTSTATUS (PDEVICE_OBJECT, LPCGUID SettingGuid, PPOWER_SETTING_CALLBACK, PVOID Context, PVOID *Handle): device and handle may be NULL. */
static uint64_t export_PoRegisterPowerSettingCallback(struct export_call *call)
{
    arg_pointer(call);
    const void *guid = arg_pointer(call);
    uintptr_t routine = arg_word(call), context = arg_word(call);
    uintptr_t *handle = arg_pointer(call);
    char here[128];
    if (!guid || !routine) {
        rule_violated("HOST-ARGUMENT", NULL, "PoRegisterPowerSettingCallback without a setting or a routine, by %s",
                      rules_describe_address(call->return_address, here, sizeof(here)));
        return NT_STATUS_INVALID_PARAMETER;
    }
    if (!acquire_permitted("PoRegisterPowerSettingCallback"))
        return NT_STATUS_INSUFFICIENT_RESOURCES;
    struct registration *registration = calloc(1, sizeof(*registration));
    if (!registration)
        abort();
    *registration = (struct registration){
        .entry = {.run = run, .routine = routine}, .routine = routine, .context = context, .setting = setting_of(guid), .state = UNTOLD};
    sched_event_init(&registration->returned, false, false);
    track_acquire(TRACK_CALLBACK, registration, 0, NULL, call->return_address);
    if (handle)
        *handle = (uintptr_t)registration; /* before the routine is called: it may unregister itself */
    pthread_mutex_lock(&mutex);
    registration->next = registrations;
    registrations = registration;
    if (registration->setting != NO_SETTING) {
        registration->state = QUEUED;
        worker_queue(&registration->entry);
    }
    pthread_mutex_unlock(&mutex);
    return NT_STATUS_SUCCESS;
}

/* Takes it off the list; NULL: it is not there. Mutex held. */
static struct registration *take(const void *handle)
{
    struct registration **place = &registrations;
    while (*place && *place != handle)
        place = &(*place)->next;
    struct registration *registration = *place;
    if (registration)
        *place = registration->next;
    return registration;
}

/* NTSTATUS PoUnregisterPowerSettingCallback(PVOID Handle): the routine is not called any more, and has returned, unless it calls this. */
static uint64_t export_PoUnregisterPowerSettingCallback(struct export_call *call)
{
    const void *handle = arg_pointer(call);
    char here[128];
    bool waits = false;
    pthread_mutex_lock(&mutex);
    struct registration *registration = take(handle);
    bool inside = registration && registration->runner == sched_current_thread_key();
    if (inside)
        registration->gone = true;
    else if (registration)
        waits = registration->state == BEGUN || (registration->state == QUEUED && !worker_cancel(&registration->entry));
    pthread_mutex_unlock(&mutex);
    if (!registration) {
        rule_violated("HOST-HANDLE", NULL, "PoUnregisterPowerSettingCallback of %p, which is not registered, by %s", handle,
                      rules_describe_address(call->return_address, here, sizeof(here)));
        return NT_STATUS_INVALID_PARAMETER;
    }
    track_release(TRACK_CALLBACK, handle);
    if (waits)
        sched_event_wait(&registration->returned, SCHED_FOREVER);
    if (!inside)
        free(registration);
    return NT_STATUS_SUCCESS;
}

const struct export_row nt_power_setting_exports[] = {
    EXPORT(PoRegisterPowerSettingCallback),
    EXPORT(PoUnregisterPowerSettingCallback),
    EXPORT_END,
};
