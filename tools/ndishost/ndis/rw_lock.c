/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* rw_lock.c - NDIS read/write locks (rules LCK-05, HLT-11). */
#include "ndis/rw_lock.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "abi/nt_types.h"
#include "exec/call.h"
#include "exec/sched.h"
#include "exec/trap.h"
#include "ndis/exports.h"
#include "ndis/handle.h"
#include "ndis/miniport.h"
#include "rules/acquire.h"
#include "rules/rules.h"

struct rw_lock {
    void *handle;
    atomic_int state; /* readers, or -1 for a writer */
    _Atomic uint32_t writer_processor_plus_one;
    atomic_int readers[4]; /* by processor */
};

enum { RWL_AT_DISPATCH_LEVEL = 1, LOCK_FREE = 0, LOCK_READ = 1, LOCK_WRITE = 2 };

void rw_lock_discard(struct rw_lock *lock)
{
    handle_destroy(lock->handle);
    free(lock);
}

static struct rw_lock *lock_from_handle(void *handle, const char *what)
{
    struct rw_lock *lock = handle_object(HANDLE_RW_LOCK, handle);

    if (!lock)
        rule_violated("HLT-11", NULL, "%s was given a %s instead of a read/write lock", what, handle_describe(handle));
    return lock;
}

/* NDIS_RW_LOCK_EX *NdisAllocateRWLock(NdisHandle) */
static uint64_t export_NdisAllocateRWLock(struct export_call *call)
{
    const void *owner = owner_from_handle(arg_pointer(call), "HLT-11", "NdisAllocateRWLock");
    struct rw_lock *lock = owner && acquire_permitted("NdisAllocateRWLock") ? calloc(1, sizeof(*lock)) : NULL;

    if (!lock)
        return 0;
    lock->handle = handle_create(HANDLE_RW_LOCK, lock, owner, call->return_address);
    return (uintptr_t)lock->handle;
}

/* VOID NdisFreeRWLock(NDIS_RW_LOCK_EX *) */
static uint64_t export_NdisFreeRWLock(struct export_call *call)
{
    struct rw_lock *lock = lock_from_handle(arg_pointer(call), "NdisFreeRWLock");

    if (!lock)
        return 0;
    if (lock->state)
        rule_violated("HOST-LOCK-FREED", NULL, "NdisFreeRWLock of a lock that is held");
    rw_lock_discard(lock);
    return 0;
}

static void acquire(struct rw_lock *lock, nt_LOCK_STATE_EX *state, bool write, uint8_t flags)
{
    uint64_t deadline = sched_now() + (uint64_t)ndis_lock_wait_ms() * 10000;
    unsigned processor;

    if (flags & RWL_AT_DISPATCH_LEVEL) {
        if (irql_current() != IRQL_DISPATCH)
            rule_violated("LCK-05", NULL, "NDIS_RWL_AT_DISPATCH_LEVEL at IRQL %u", irql_current());
        state->OldIrql = IRQL_DISPATCH;
    } else {
        state->OldIrql = irql_raise(IRQL_DISPATCH);
    }
    state->Flags = flags;
    processor = sched_current_processor();
    if (lock->writer_processor_plus_one == processor + 1)
        trap_bugcheck("LCK-05", "a read/write lock is acquired again by its writer");
    if (write && lock->readers[processor])
        trap_bugcheck("LCK-05", "a read/write lock is acquired for writing by its reader");
    while (true) {
        int expected = lock->state;

        if (write) {
            expected = 0;
            if (atomic_compare_exchange_weak(&lock->state, &expected, -1))
                break;
        } else if (expected >= 0 && atomic_compare_exchange_weak(&lock->state, &expected, expected + 1)) {
            break;
        }
        if (sched_now() > deadline)
            trap_bugcheck("HOST-LOCK-DEADLOCK", "a read/write lock is not released within %u ms", ndis_lock_wait_ms());
        sched_spin();
    }
    if (write)
        lock->writer_processor_plus_one = processor + 1;
    else
        lock->readers[processor]++;
    state->LockState = write ? LOCK_WRITE : LOCK_READ;
}

/* VOID NdisAcquireRWLockRead(Lock, LOCK_STATE_EX *, UCHAR Flags) */
static uint64_t export_NdisAcquireRWLockRead(struct export_call *call)
{
    struct rw_lock *lock = lock_from_handle(arg_pointer(call), "NdisAcquireRWLockRead");
    nt_LOCK_STATE_EX *state = arg_pointer(call);
    uint8_t flags = arg_u8(call);

    if (lock)
        acquire(lock, state, false, flags);
    return 0;
}

/* VOID NdisAcquireRWLockWrite(Lock, LOCK_STATE_EX *, UCHAR Flags) */
static uint64_t export_NdisAcquireRWLockWrite(struct export_call *call)
{
    struct rw_lock *lock = lock_from_handle(arg_pointer(call), "NdisAcquireRWLockWrite");
    nt_LOCK_STATE_EX *state = arg_pointer(call);
    uint8_t flags = arg_u8(call);

    if (lock)
        acquire(lock, state, true, flags);
    return 0;
}

/* VOID NdisReleaseRWLock(Lock, LOCK_STATE_EX *) */
static uint64_t export_NdisReleaseRWLock(struct export_call *call)
{
    struct rw_lock *lock = lock_from_handle(arg_pointer(call), "NdisReleaseRWLock");
    nt_LOCK_STATE_EX *state = arg_pointer(call);
    unsigned processor = sched_current_processor();

    if (!lock)
        return 0;
    if (state->LockState == LOCK_WRITE && lock->state == -1 && lock->writer_processor_plus_one == processor + 1) {
        lock->writer_processor_plus_one = 0;
        lock->state = 0;
    } else if (state->LockState == LOCK_READ && lock->readers[processor] > 0) {
        lock->readers[processor]--;
        atomic_fetch_sub(&lock->state, 1);
    } else {
        rule_violated("LCK-01", NULL, "NdisReleaseRWLock of a lock that this processor does not hold that way");
        return 0;
    }
    state->LockState = LOCK_FREE;
    if (!(state->Flags & RWL_AT_DISPATCH_LEVEL))
        irql_lower(state->OldIrql);
    return 0;
}

const struct export_row ndis_rw_lock_exports[] = {
    EXPORT(NdisAllocateRWLock),     EXPORT(NdisFreeRWLock),    EXPORT(NdisAcquireRWLockRead),
    EXPORT(NdisAcquireRWLockWrite), EXPORT(NdisReleaseRWLock), EXPORT_END,
};
