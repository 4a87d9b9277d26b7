/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* executive.c - the rest of what miniports import: versions, routine addresses, fast mutexes. */
#include "nt/dispatcher.h"

#include "abi/nt_constants.h"
#include "exec/sched.h"
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

/* ---- fast mutexes ---- */

static nt_DISPATCHER_HEADER *mutex_event(nt_FAST_MUTEX *mutex)
{
    return (nt_DISPATCHER_HEADER *)mutex->Event;
}

static bool mutex_try(nt_FAST_MUTEX *mutex)
{
    uint32_t free_count = 1;
    return __atomic_compare_exchange_n(&mutex->Count, &free_count, 0, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void mutex_own(nt_FAST_MUTEX *mutex, uint8_t old_irql)
{
    mutex->Owner = (uintptr_t)sched_current_thread_key();
    mutex->OldIrql = old_irql;
}

static uint64_t export_ExAcquireFastMutex(struct export_call *call)
{
    nt_FAST_MUTEX *mutex = arg_pointer(call);
    char here[128];
    uint8_t old_irql = irql_raise(IRQL_APC);
    if (mutex->Owner == (uintptr_t)sched_current_thread_key())
        rule_violated("HOST-MUTEX-OWNER", mutex, "fast mutex %p is acquired twice by a thread: a deadlock, by %s", (void *)mutex,
                      rules_describe_address(call->return_address, here, sizeof(here)));
    while (!mutex_try(mutex)) {
        nt_DISPATCHER_HEADER *event = mutex_event(mutex);
        __atomic_fetch_add(&mutex->Contention, 1, __ATOMIC_RELAXED);
        /* Released between the attempt and the wait: the event is set then, and stays set. */
        dispatcher_wait(&event, 1, false, SCHED_FOREVER, call->return_address);
    }
    mutex_own(mutex, old_irql);
    return 0;
}

static uint64_t export_ExTryToAcquireFastMutex(struct export_call *call)
{
    nt_FAST_MUTEX *mutex = arg_pointer(call);
    uint8_t old_irql = irql_raise(IRQL_APC);
    if (!mutex_try(mutex)) {
        irql_lower(old_irql);
        return 0;
    }
    mutex_own(mutex, old_irql);
    return 1;
}

static uint64_t export_ExReleaseFastMutex(struct export_call *call)
{
    nt_FAST_MUTEX *mutex = arg_pointer(call);
    uint8_t old_irql = mutex->OldIrql;
    char here[128];
    if (mutex->Owner != (uintptr_t)sched_current_thread_key()) {
        rule_violated("HOST-MUTEX-OWNER", mutex, "fast mutex %p is released by %s, in a thread that does not own it", (void *)mutex,
                      rules_describe_address(call->return_address, here, sizeof(here)));
        return 0;
    }
    mutex->Owner = 0;
    __atomic_store_n(&mutex->Count, 1, __ATOMIC_RELEASE);
    dispatcher_lock();
    dispatcher_signal(mutex_event(mutex), 1);
    dispatcher_unlock();
    irql_lower(old_irql);
    return 0;
}

const struct export_row nt_executive_exports[] = {
    EXPORT(RtlGetVersion),
    EXPORT(PsGetVersion),
    EXPORT(MmGetSystemRoutineAddress),
    EXPORT(ExAcquireFastMutex),
    EXPORT(ExTryToAcquireFastMutex),
    EXPORT(ExReleaseFastMutex),
    EXPORT_END,
};
