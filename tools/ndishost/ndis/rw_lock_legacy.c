/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * rw_lock_legacy.c - NDIS_RW_LOCK, the read/write lock of NDIS 5 that lives in the driver's memory and that NDIS 6.20 drivers should have
 * given up (DRV-26). Readers are counted per processor; the owner may acquire it for writing again.
 */
#include <stdatomic.h>
#include <string.h>

#include "abi/nt_types.h"
#include "exec/call.h"
#include "exec/sched.h"
#include "exec/trap.h"
#include "ndis/exports.h"
#include "ndis/miniport.h"
#include "rules/rules.h"

enum { STATE_FREE = 0, STATE_READ = 1, STATE_WRITE = 2, STATE_WRITE_AGAIN = 3, REFERENCE_STRIDE = 16 };

/* SpinLock holds the writer's processor plus one. */
static uintptr_t *writer_of(nt_NDIS_RW_LOCK *lock)
{
    return &lock->SpinLock;
}

static uint32_t *readers_of(nt_NDIS_RW_LOCK *lock, unsigned processor)
{
    return (uint32_t *)(void *)((uint8_t *)lock->RefCount + (size_t)processor * REFERENCE_STRIDE);
}

static bool others_read(nt_NDIS_RW_LOCK *lock)
{
    for (unsigned processor = 0; processor < sched_processor_count(); processor++)
        if (__atomic_load_n(readers_of(lock, processor), __ATOMIC_SEQ_CST))
            return true;
    return false;
}

static void wait_a_turn(uint64_t deadline)
{
    if (sched_now() > deadline)
        trap_bugcheck("HOST-LOCK-DEADLOCK", "an NDIS_RW_LOCK is not released within %u ms", ndis_lock_wait_ms());
    sched_spin();
}

static void acquire(nt_NDIS_RW_LOCK *lock, bool write, nt_LOCK_STATE *state, bool raise)
{
    uint64_t deadline = sched_now() + (uint64_t)ndis_lock_wait_ms() * 10000;
    uintptr_t self, nobody;

    if (!raise && irql_current() != IRQL_DISPATCH)
        rule_violated("LCK-05", lock, "NdisDprAcquireReadWriteLock at IRQL %u", irql_current());
    state->OldIrql = raise ? irql_raise(IRQL_DISPATCH) : IRQL_DISPATCH;
    self = sched_current_processor() + 1u;
    if (__atomic_load_n(writer_of(lock), __ATOMIC_SEQ_CST) == self) {
        state->LockState = STATE_WRITE_AGAIN;
        return;
    }
    state->LockState = write ? STATE_WRITE : STATE_READ;
    if (!write) {
        while (true) {
            __atomic_fetch_add(readers_of(lock, (unsigned)self - 1), 1, __ATOMIC_SEQ_CST);
            /* A reader that reads already goes before a waiting writer, or it would wait for itself. */
            if (!__atomic_load_n(writer_of(lock), __ATOMIC_SEQ_CST) || *readers_of(lock, (unsigned)self - 1) > 1)
                return;
            __atomic_fetch_sub(readers_of(lock, (unsigned)self - 1), 1, __ATOMIC_SEQ_CST);
            wait_a_turn(deadline);
        }
    }
    if (*readers_of(lock, (unsigned)self - 1))
        trap_bugcheck("LCK-05", "an NDIS_RW_LOCK is acquired for writing by its reader");
    for (nobody = 0; !__atomic_compare_exchange_n(writer_of(lock), &nobody, self, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); nobody = 0)
        wait_a_turn(deadline);
    while (others_read(lock))
        wait_a_turn(deadline);
}

static void release(nt_NDIS_RW_LOCK *lock, nt_LOCK_STATE *state, bool lower)
{
    uintptr_t self = sched_current_processor() + 1u;
    bool writes = __atomic_load_n(writer_of(lock), __ATOMIC_SEQ_CST) == self;

    if (state->LockState == STATE_READ && *readers_of(lock, (unsigned)self - 1)) {
        __atomic_fetch_sub(readers_of(lock, (unsigned)self - 1), 1, __ATOMIC_SEQ_CST);
    } else if (state->LockState == STATE_WRITE && writes) {
        __atomic_store_n(writer_of(lock), 0, __ATOMIC_SEQ_CST);
    } else if (state->LockState != STATE_WRITE_AGAIN || !writes) {
        rule_violated("LCK-01", lock, "an NDIS_RW_LOCK is released that this processor does not hold that way");
        return;
    }
    state->LockState = STATE_FREE;
    if (lower)
        irql_lower(state->OldIrql);
}

/* VOID NdisInitializeReadWriteLock(NDIS_RW_LOCK *) */
static uint64_t export_NdisInitializeReadWriteLock(struct export_call *call)
{
    nt_NDIS_RW_LOCK *lock = arg_pointer(call);

    rule_warned("DRV-26", NULL, "NdisInitializeReadWriteLock is replaced by NdisAllocateRWLock in NDIS 6.20");
    memset(lock, 0, sizeof(*lock));
    return 0;
}

/* VOID NdisAcquireReadWriteLock(Lock, BOOLEAN fWrite, LOCK_STATE *) */
static uint64_t export_NdisAcquireReadWriteLock(struct export_call *call)
{
    nt_NDIS_RW_LOCK *lock = arg_pointer(call);
    bool write = arg_u8(call) != 0;

    acquire(lock, write, arg_pointer(call), true);
    return 0;
}

/* VOID NdisReleaseReadWriteLock(Lock, LOCK_STATE *) */
static uint64_t export_NdisReleaseReadWriteLock(struct export_call *call)
{
    nt_NDIS_RW_LOCK *lock = arg_pointer(call);

    release(lock, arg_pointer(call), true);
    return 0;
}

/* VOID NdisDprAcquireReadWriteLock(Lock, BOOLEAN fWrite, LOCK_STATE *): at DISPATCH_LEVEL */
static uint64_t export_NdisDprAcquireReadWriteLock(struct export_call *call)
{
    nt_NDIS_RW_LOCK *lock = arg_pointer(call);
    bool write = arg_u8(call) != 0;

    acquire(lock, write, arg_pointer(call), false);
    return 0;
}

/* VOID NdisDprReleaseReadWriteLock(Lock, LOCK_STATE *) */
static uint64_t export_NdisDprReleaseReadWriteLock(struct export_call *call)
{
    nt_NDIS_RW_LOCK *lock = arg_pointer(call);

    release(lock, arg_pointer(call), false);
    return 0;
}

const struct export_row ndis_rw_lock_legacy_exports[] = {
    EXPORT(NdisInitializeReadWriteLock), EXPORT(NdisAcquireReadWriteLock),    EXPORT(NdisReleaseReadWriteLock),
    EXPORT(NdisDprAcquireReadWriteLock), EXPORT(NdisDprReleaseReadWriteLock), EXPORT_END,
};
