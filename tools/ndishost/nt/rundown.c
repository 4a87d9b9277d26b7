/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* rundown.c - rundown protection and remove locks: counts of users that can be closed and waited for. */
#include "nt/dispatcher.h"
#include "nt/exports.h"
#include "nt/pool.h"

#include "abi/nt_constants.h"
#include "exec/sched.h"
#include "exec/trap.h"
#include "rules/acquire.h"
#include "rules/rules.h"

/* As on Windows: bit 0 says that the protection runs down or has, the users are counted above it. */
enum { RUNDOWN_ACTIVE = 1, RUNDOWN_USER = 2 };
/* Users that never leave are a hang of the driver; in 100 ns units. */
#define PATIENCE (UINT64_C(30) * 10000000)

/* One for all protections: set whenever a count falls while somebody waits; every waiter looks again. */
static struct sched_event count_fell;
static bool count_fell_ready;

static void changed_prepare(void)
{
    dispatcher_lock();
    if (!count_fell_ready)
        sched_event_init(&count_fell, false, false);
    count_fell_ready = true;
    dispatcher_unlock();
}

/* Waits until the word has the value; PASSIVE or APC_LEVEL. */
static void wait_for_count(const uintptr_t *count, uintptr_t wanted, const char *what, uintptr_t who)
{
    uint64_t deadline = sched_now() + PATIENCE;
    char here[128];
    changed_prepare();
    if (irql_current() > IRQL_APC) {
        rule_violated("WAI-05", count, "%s at IRQL %u by %s", what, irql_current(), rules_describe_address(who, here, sizeof(here)));
        return;
    }
    for (;;) {
        sched_event_reset(&count_fell);
        if (__atomic_load_n(count, __ATOMIC_ACQUIRE) == wanted)
            return;
        if (!sched_event_wait(&count_fell, deadline))
            trap_bugcheck("HOST-HANG", "%s by %s: %llu users are left", what, rules_describe_address(who, here, sizeof(here)),
                          (unsigned long long)((__atomic_load_n(count, __ATOMIC_ACQUIRE) - wanted) / RUNDOWN_USER));
    }
}

static void wake_waiters(void)
{
    changed_prepare();
    sched_event_set(&count_fell);
}

static bool rundown_acquire(uintptr_t *count, uintptr_t users)
{
    uintptr_t value = __atomic_load_n(count, __ATOMIC_RELAXED);
    do {
        if (value & RUNDOWN_ACTIVE)
            return false;
    } while (!__atomic_compare_exchange_n(count, &value, value + users * RUNDOWN_USER, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
    return true;
}

static void rundown_release(uintptr_t *count, uintptr_t users, uintptr_t who)
{
    char here[128];
    uintptr_t value = __atomic_load_n(count, __ATOMIC_RELAXED);
    do {
        if (value / RUNDOWN_USER < users) {
            rule_violated("HOST-RUNDOWN", count, "rundown protection %p is released more often than it was acquired, by %s", (void *)count,
                          rules_describe_address(who, here, sizeof(here)));
            return;
        }
    } while (!__atomic_compare_exchange_n(count, &value, value - users * RUNDOWN_USER, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
    if (value & RUNDOWN_ACTIVE)
        wake_waiters();
}

/* ---- rundown protection; the cache-aware kind is an allocated block with the same word ---- */

static uint64_t export_ExInitializeRundownProtection(struct export_call *call)
{
    *(uintptr_t *)arg_pointer(call) = 0;
    return 0;
}

static uint64_t export_ExAcquireRundownProtection(struct export_call *call)
{
    return rundown_acquire(arg_pointer(call), 1);
}

static uint64_t export_ExAcquireRundownProtectionEx(struct export_call *call)
{
    uintptr_t *count = arg_pointer(call);
    return rundown_acquire(count, arg_u32(call));
}

static uint64_t export_ExReleaseRundownProtection(struct export_call *call)
{
    rundown_release(arg_pointer(call), 1, call->return_address);
    return 0;
}

static uint64_t export_ExReleaseRundownProtectionEx(struct export_call *call)
{
    uintptr_t *count = arg_pointer(call);
    rundown_release(count, arg_u32(call), call->return_address);
    return 0;
}

static uint64_t export_ExWaitForRundownProtectionRelease(struct export_call *call)
{
    uintptr_t *count = arg_pointer(call);
    __atomic_fetch_or(count, RUNDOWN_ACTIVE, __ATOMIC_ACQ_REL);
    wait_for_count(count, RUNDOWN_ACTIVE, "ExWaitForRundownProtectionRelease", call->return_address);
    return 0;
}

static uint64_t export_ExAllocateCacheAwareRundownProtection(struct export_call *call)
{
    uint32_t type = arg_u32(call), tag = arg_u32(call);
    if (!acquire_permitted("ExAllocateCacheAwareRundownProtection"))
        return 0;
    return (uintptr_t)pool_allocate_block(sizeof(nt_EX_RUNDOWN_REF), tag, NULL, call->return_address,
                                          POOL_ZEROED | (type & 1 ? POOL_PAGED : 0));
}

static uint64_t export_ExFreeCacheAwareRundownProtection(struct export_call *call)
{
    pool_free(arg_pointer(call), 0, call->return_address);
    return 0;
}

/* ---- remove locks: IoCount is 1 for the lock itself, plus its users ---- */

static uint64_t export_IoInitializeRemoveLockEx(struct export_call *call)
{
    nt_IO_REMOVE_LOCK_COMMON_BLOCK *lock = arg_pointer(call);
    lock->Removed = 0;
    lock->IoCount = 1;
    nt_event_initialize(lock->RemoveEvent, true, false);
    return 0;
}

static uint64_t remove_lock_leave(nt_IO_REMOVE_LOCK_COMMON_BLOCK *lock, uintptr_t who)
{
    char here[128];
    uint32_t left = __atomic_sub_fetch(&lock->IoCount, 1, __ATOMIC_ACQ_REL);
    if (left == 0 && lock->Removed)
        nt_event_set(lock->RemoveEvent);
    else if (left == 0 || left == UINT32_MAX)
        rule_violated("HOST-RUNDOWN", lock, "remove lock %p is released more often than it was acquired, by %s", (void *)lock,
                      rules_describe_address(who, here, sizeof(here)));
    return 0;
}

static uint64_t export_IoAcquireRemoveLockEx(struct export_call *call)
{
    nt_IO_REMOVE_LOCK_COMMON_BLOCK *lock = arg_pointer(call);
    __atomic_add_fetch(&lock->IoCount, 1, __ATOMIC_ACQ_REL);
    if (!__atomic_load_n(&lock->Removed, __ATOMIC_ACQUIRE))
        return NT_STATUS_SUCCESS;
    remove_lock_leave(lock, call->return_address);
    return NT_STATUS_DELETE_PENDING;
}

static uint64_t export_IoReleaseRemoveLockEx(struct export_call *call)
{
    return remove_lock_leave(arg_pointer(call), call->return_address);
}

static uint64_t export_IoReleaseRemoveLockAndWaitEx(struct export_call *call)
{
    nt_IO_REMOVE_LOCK_COMMON_BLOCK *lock = arg_pointer(call);
    char here[128];
    __atomic_store_n(&lock->Removed, 1, __ATOMIC_RELEASE);
    /* The caller's own use and the lock's. */
    if (__atomic_sub_fetch(&lock->IoCount, 2, __ATOMIC_ACQ_REL) != 0 && !nt_event_wait(lock->RemoveEvent, sched_now() + PATIENCE))
        trap_bugcheck("HOST-HANG", "IoReleaseRemoveLockAndWait by %s: %u users are left",
                      rules_describe_address(call->return_address, here, sizeof(here)), lock->IoCount);
    return 0;
}

const struct export_row nt_rundown_exports[] = {
    EXPORT(ExInitializeRundownProtection),
    EXPORT(ExAcquireRundownProtection),
    EXPORT(ExAcquireRundownProtectionEx),
    EXPORT(ExReleaseRundownProtection),
    EXPORT(ExReleaseRundownProtectionEx),
    EXPORT(ExWaitForRundownProtectionRelease),
    EXPORT(ExAllocateCacheAwareRundownProtection),
    EXPORT(ExFreeCacheAwareRundownProtection),
    {"ExInitializeRundownProtectionCacheAware", export_ExInitializeRundownProtection, 0},
    {"ExAcquireRundownProtectionCacheAware", export_ExAcquireRundownProtection, 0},
    {"ExAcquireRundownProtectionCacheAwareEx", export_ExAcquireRundownProtectionEx, 0},
    {"ExReleaseRundownProtectionCacheAware", export_ExReleaseRundownProtection, 0},
    {"ExReleaseRundownProtectionCacheAwareEx", export_ExReleaseRundownProtectionEx, 0},
    {"ExWaitForRundownProtectionReleaseCacheAware", export_ExWaitForRundownProtectionRelease, 0},
    EXPORT(IoInitializeRemoveLockEx),
    EXPORT(IoAcquireRemoveLockEx),
    EXPORT(IoReleaseRemoveLockEx),
    EXPORT(IoReleaseRemoveLockAndWaitEx),
    EXPORT_END,
};
