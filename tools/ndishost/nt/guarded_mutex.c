/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* guarded_mutex.c - guarded mutexes, fast mutexes, and the critical and guarded regions that they need. */
#include "nt/dispatcher.h"
#include "nt/exports.h"

#include "exec/sched.h"
#include "rules/rules.h"

/* ---- regions: per thread, how often each kind was entered. There are no APCs; leaving what was not entered is a fault all the same ----
 */

enum { THREADS_IN_REGIONS = 256 };

/* Guarded by the dispatcher's lock; key NULL: unused. */
struct region_counts {
    void *key;
    unsigned critical, guarded;
};
static struct region_counts region_table[THREADS_IN_REGIONS];

/* Lock held. The current thread's counts, or an unused entry that is made its own; NULL when the table is full. */
static struct region_counts *region_counts_find(void)
{
    void *key = sched_current_thread_key();
    struct region_counts *unused = NULL;
    for (unsigned i = 0; i < THREADS_IN_REGIONS; i++) {
        if (region_table[i].key == key)
            return &region_table[i];
        if (!unused && !region_table[i].critical && !region_table[i].guarded)
            unused = &region_table[i];
    }
    if (unused)
        *unused = (struct region_counts){.key = key};
    return unused;
}

static void region_change(bool guarded, int step, const char *what, uintptr_t who)
{
    char here[128];
    if (irql_current() > IRQL_APC)
        rule_violated("HOST-REGION", NULL, "%s at IRQL %u by %s", what, irql_current(), rules_describe_address(who, here, sizeof(here)));
    dispatcher_lock();
    struct region_counts *counts = region_counts_find();
    unsigned *count = counts ? (guarded ? &counts->guarded : &counts->critical) : NULL;
    bool fits = count && (step > 0 || *count > 0);
    if (fits)
        *count += (unsigned)step;
    dispatcher_unlock();
    if (!fits)
        rule_violated("HOST-REGION", NULL, "%s by %s, which is in no such region", what, rules_describe_address(who, here, sizeof(here)));
}

static void region_read(unsigned *critical, unsigned *guarded)
{
    dispatcher_lock();
    const struct region_counts *counts = region_counts_find();
    *critical = counts ? counts->critical : 0;
    *guarded = counts ? counts->guarded : 0;
    dispatcher_unlock();
}

static uint64_t export_KeEnterCriticalRegion(struct export_call *call)
{
    region_change(false, 1, "KeEnterCriticalRegion", call->return_address);
    return 0;
}

static uint64_t export_KeLeaveCriticalRegion(struct export_call *call)
{
    region_change(false, -1, "KeLeaveCriticalRegion", call->return_address);
    return 0;
}

static uint64_t export_KeEnterGuardedRegion(struct export_call *call)
{
    region_change(true, 1, "KeEnterGuardedRegion", call->return_address);
    return 0;
}

static uint64_t export_KeLeaveGuardedRegion(struct export_call *call)
{
    region_change(true, -1, "KeLeaveGuardedRegion", call->return_address);
    return 0;
}

static uint64_t export_KeAreApcsDisabled(struct export_call *call)
{
    unsigned critical, guarded;
    (void)call;
    region_read(&critical, &guarded);
    return critical || guarded;
}

static uint64_t export_KeAreAllApcsDisabled(struct export_call *call)
{
    unsigned critical, guarded;
    (void)call;
    region_read(&critical, &guarded);
    return guarded || irql_current() >= IRQL_APC;
}

bool nt_kernel_apcs_disabled(void)
{
    unsigned critical, guarded;
    region_read(&critical, &guarded);
    return critical || guarded || irql_current() >= IRQL_APC;
}

void nt_critical_region_leave(const char *what, uintptr_t who)
{
    region_change(false, -1, what, who);
}

/* ---- one mutex under its two names: a count of 1 when free, an owner, an event that a release sets ---- */

struct mutex_parts {
    uint32_t *count, *contention;
    uintptr_t *owner;
    nt_DISPATCHER_HEADER *event;
};

static struct mutex_parts guarded_parts(nt_KGUARDED_MUTEX *mutex)
{
    return (struct mutex_parts){&mutex->Count, &mutex->Contention, &mutex->Owner, (nt_DISPATCHER_HEADER *)mutex->Gate};
}

static struct mutex_parts fast_parts(nt_FAST_MUTEX *mutex)
{
    return (struct mutex_parts){&mutex->Count, &mutex->Contention, &mutex->Owner, (nt_DISPATCHER_HEADER *)mutex->Event};
}

static bool parts_try(const struct mutex_parts *mutex)
{
    uint32_t one = 1;
    if (!__atomic_compare_exchange_n(mutex->count, &one, 0, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return false;
    *mutex->owner = (uintptr_t)sched_current_thread_key();
    return true;
}

static void parts_acquire(const struct mutex_parts *mutex, const char *what, uintptr_t who)
{
    char here[128];
    if (*mutex->owner == (uintptr_t)sched_current_thread_key())
        rule_violated("HOST-MUTEX-OWNER", mutex->count, "%s: the mutex is acquired twice by a thread: a deadlock, by %s", what,
                      rules_describe_address(who, here, sizeof(here)));
    while (!parts_try(mutex)) {
        nt_DISPATCHER_HEADER *event = mutex->event;
        __atomic_fetch_add(mutex->contention, 1, __ATOMIC_RELAXED);
        /* Released between the attempt and the wait: the event is set then, and stays set. */
        dispatcher_wait(&event, 1, false, SCHED_FOREVER, who);
    }
}

static bool parts_release(const struct mutex_parts *mutex, const char *what, uintptr_t who)
{
    char here[128];
    if (*mutex->owner != (uintptr_t)sched_current_thread_key()) {
        rule_violated("HOST-MUTEX-OWNER", mutex->count, "%s by %s, in a thread that does not own the mutex", what,
                      rules_describe_address(who, here, sizeof(here)));
        return false;
    }
    *mutex->owner = 0;
    __atomic_store_n(mutex->count, 1, __ATOMIC_RELEASE);
    dispatcher_lock();
    dispatcher_signal(mutex->event, 1);
    dispatcher_unlock();
    return true;
}

/* The unsafe entries leave it to the caller that no APC comes while it owns the mutex. */
static void check_no_apcs(const char *what, uintptr_t who)
{
    char here[128];
    if (!nt_kernel_apcs_disabled())
        rule_violated("HOST-REGION", NULL, "%s outside of a critical or guarded region by %s", what,
                      rules_describe_address(who, here, sizeof(here)));
}

static uint64_t acquire_unsafe(struct mutex_parts mutex, struct export_call *call)
{
    check_no_apcs(call->row->name, call->return_address);
    parts_acquire(&mutex, call->row->name, call->return_address);
    return 0;
}

static uint64_t release_unsafe(struct mutex_parts mutex, struct export_call *call)
{
    (void)parts_release(&mutex, call->row->name, call->return_address);
    return 0;
}

/* ---- guarded mutexes ---- */

static uint64_t export_KeInitializeGuardedMutex(struct export_call *call)
{
    nt_KGUARDED_MUTEX *mutex = arg_pointer(call);
    dispatcher_initialize((nt_DISPATCHER_HEADER *)mutex->Gate, DISPATCHER_SYNCHRONIZATION_EVENT, sizeof(nt_DISPATCHER_HEADER), 0);
    mutex->Owner = 0;
    mutex->Contention = 0;
    mutex->CombinedApcDisable = 0;
    mutex->Count = 1;
    return 0;
}

static uint64_t export_KeAcquireGuardedMutex(struct export_call *call)
{
    struct mutex_parts mutex = guarded_parts(arg_pointer(call));
    region_change(true, 1, "KeAcquireGuardedMutex", call->return_address);
    parts_acquire(&mutex, "KeAcquireGuardedMutex", call->return_address);
    return 0;
}

static uint64_t export_KeTryToAcquireGuardedMutex(struct export_call *call)
{
    struct mutex_parts mutex = guarded_parts(arg_pointer(call));
    region_change(true, 1, "KeTryToAcquireGuardedMutex", call->return_address);
    if (parts_try(&mutex))
        return 1;
    region_change(true, -1, "KeTryToAcquireGuardedMutex", call->return_address);
    return 0;
}

static uint64_t export_KeReleaseGuardedMutex(struct export_call *call)
{
    struct mutex_parts mutex = guarded_parts(arg_pointer(call));
    if (parts_release(&mutex, "KeReleaseGuardedMutex", call->return_address))
        region_change(true, -1, "KeReleaseGuardedMutex", call->return_address);
    return 0;
}

static uint64_t export_KeAcquireGuardedMutexUnsafe(struct export_call *call)
{
    return acquire_unsafe(guarded_parts(arg_pointer(call)), call);
}

static uint64_t export_KeReleaseGuardedMutexUnsafe(struct export_call *call)
{
    return release_unsafe(guarded_parts(arg_pointer(call)), call);
}

/* ---- fast mutexes: at APC_LEVEL; the unsafe entries leave the IRQL as it is ---- */

static uint64_t export_ExAcquireFastMutex(struct export_call *call)
{
    nt_FAST_MUTEX *mutex = arg_pointer(call);
    struct mutex_parts parts = fast_parts(mutex);
    uint8_t old_irql = irql_raise(IRQL_APC);
    parts_acquire(&parts, "ExAcquireFastMutex", call->return_address);
    mutex->OldIrql = old_irql;
    return 0;
}

static uint64_t export_ExTryToAcquireFastMutex(struct export_call *call)
{
    nt_FAST_MUTEX *mutex = arg_pointer(call);
    struct mutex_parts parts = fast_parts(mutex);
    uint8_t old_irql = irql_raise(IRQL_APC);
    if (!parts_try(&parts)) {
        irql_lower(old_irql);
        return 0;
    }
    mutex->OldIrql = old_irql;
    return 1;
}

static uint64_t export_ExReleaseFastMutex(struct export_call *call)
{
    nt_FAST_MUTEX *mutex = arg_pointer(call);
    struct mutex_parts parts = fast_parts(mutex);
    uint8_t old_irql = (uint8_t)mutex->OldIrql; /* read before somebody else owns it */
    if (parts_release(&parts, "ExReleaseFastMutex", call->return_address))
        irql_lower(old_irql);
    return 0;
}

static uint64_t export_ExAcquireFastMutexUnsafe(struct export_call *call)
{
    return acquire_unsafe(fast_parts(arg_pointer(call)), call);
}

static uint64_t export_ExReleaseFastMutexUnsafe(struct export_call *call)
{
    return release_unsafe(fast_parts(arg_pointer(call)), call);
}

const struct export_row nt_guarded_mutex_exports[] = {
    EXPORT(KeEnterCriticalRegion),    EXPORT(KeLeaveCriticalRegion),       EXPORT(KeEnterGuardedRegion),
    EXPORT(KeLeaveGuardedRegion),     EXPORT(KeAreApcsDisabled),           EXPORT(KeAreAllApcsDisabled),
    EXPORT(KeInitializeGuardedMutex), EXPORT(KeAcquireGuardedMutex),       EXPORT(KeTryToAcquireGuardedMutex),
    EXPORT(KeReleaseGuardedMutex),    EXPORT(KeAcquireGuardedMutexUnsafe), EXPORT(KeReleaseGuardedMutexUnsafe),
    EXPORT(ExAcquireFastMutex),       EXPORT(ExTryToAcquireFastMutex),     EXPORT(ExReleaseFastMutex),
    EXPORT(ExAcquireFastMutexUnsafe), EXPORT(ExReleaseFastMutexUnsafe),    EXPORT_END,
};
