/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * spinlock.c - spin locks in image memory. The word holds 0, or the number of the owning processor plus one; each processor has the stack
 * of what it holds, so that pairing, order and IRQLs can be checked. Pairs of locks that were ever nested are remembered: taking two in
 * opposite orders is a deadlock that only waits for its moment (LCK-03).
 */
#include "nt/nt.h"
#include "nt/spinlock.h"

#include "exec/sched.h"
#include "exec/trap.h"
#include "rules/rules.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { PROCESSORS = 32, HELD_LIMIT = 32, EDGE_LIMIT = 4096, EDGE_BUCKETS = 1024 };
#define DEADLOCK_TIME (30ull * 10000000) /* 100 ns units */

struct held {
    uintptr_t *lock;
    uintptr_t who;
    uint8_t old_irql;
    bool raised;    /* taken by a function that raised the IRQL */
    bool recursive; /* a repeated acquisition: the word is not its */
};

/* Written by its processor alone; `lock` and `count` are read by others. */
static struct holder {
    struct held held[HELD_LIMIT];
    unsigned count;
} __attribute__((aligned(64))) holders[PROCESSORS];

static struct holder *self(void)
{
    return &holders[sched_current_processor() % PROCESSORS];
}

static uintptr_t own_word(void)
{
    return sched_current_processor() + 1;
}

/* ---- order ---- */

struct edge {
    uintptr_t first, second; /* second was taken while first was held */
    uintptr_t who;
    struct edge *next;
};
static pthread_mutex_t edges_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct edge *edge_buckets[EDGE_BUCKETS];
static unsigned edge_count;

static struct edge **edge_bucket(uintptr_t first, uintptr_t second)
{
    uint64_t hash = ((uint64_t)first * 31 + second) * 0x9E3779B97F4A7C15ull;
    return &edge_buckets[(hash >> 32) % EDGE_BUCKETS];
}

static struct edge *edge_find(uintptr_t first, uintptr_t second)
{
    struct edge *edge = *edge_bucket(first, second);
    while (edge && (edge->first != first || edge->second != second))
        edge = edge->next;
    return edge;
}

static void note_order(const struct held *outer, const void *inner, uintptr_t who)
{
    uintptr_t first = (uintptr_t)outer->lock, second = (uintptr_t)inner, opposite_who = 0;
    pthread_mutex_lock(&edges_mutex);
    bool known = edge_find(first, second) != NULL;
    if (!known && edge_count < EDGE_LIMIT) {
        const struct edge *opposite = edge_find(second, first);
        opposite_who = opposite ? opposite->who : 0;
        struct edge *edge = malloc(sizeof(*edge));
        if (edge) {
            struct edge **bucket = edge_bucket(first, second);
            *edge = (struct edge){first, second, who, *bucket};
            *bucket = edge;
            edge_count++;
        }
    }
    pthread_mutex_unlock(&edges_mutex);
    char here[128], there[128];
    if (opposite_who)
        rule_violated("LCK-03", inner, "lock %p is taken under lock %p by %s, and the other way round by %s", inner, (void *)outer->lock,
                      rules_describe_address(who, here, sizeof(here)), rules_describe_address(opposite_who, there, sizeof(there)));
}

static void forget_order(uintptr_t start, size_t size)
{
    if (__atomic_load_n(&edge_count, __ATOMIC_RELAXED) == 0)
        return;
    pthread_mutex_lock(&edges_mutex);
    for (unsigned i = 0; i < EDGE_BUCKETS; i++) {
        for (struct edge **link = &edge_buckets[i]; *link;) {
            struct edge *edge = *link;
            if (edge->first - start < size || edge->second - start < size) {
                *link = edge->next;
                free(edge);
                edge_count--;
            } else {
                link = &edge->next;
            }
        }
    }
    pthread_mutex_unlock(&edges_mutex);
}

/* ---- acquiring ---- */

static void wait_for_word(uintptr_t *word, uintptr_t mine, uintptr_t who)
{
    uint64_t start = sched_now();
    for (unsigned turn = 1;; turn++) {
        uintptr_t expected = 0;
        if (__atomic_compare_exchange_n(word, &expected, mine, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return;
        if (turn % 4096 == 0 && sched_now() - start > DEADLOCK_TIME) {
            char here[128];
            trap_bugcheck("HOST-LOCK-DEADLOCK", "lock %p, held by processor %u, is waited for in vain by %s", (void *)word,
                          (unsigned)(expected - 1), rules_describe_address(who, here, sizeof(here)));
        }
        sched_spin();
    }
}

/* Takes the word, or reports why it cannot be taken. Returns whether this is a repeated acquisition. */
static bool word_take(uintptr_t *word, uintptr_t who)
{
    uintptr_t mine = own_word(), expected = 0;
    char here[128];
    if (__atomic_compare_exchange_n(word, &expected, mine, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return false;
    if (expected == mine) {
        rule_violated("LCK-01", word, "lock %p is acquired by %s on a processor that holds it already: a deadlock", (void *)word,
                      rules_describe_address(who, here, sizeof(here)));
        return true;
    }
    if (expected > PROCESSORS) {
        rule_violated("HOST-LOCK-UNINITIALIZED", word, "lock %p holds 0x%llx when it is acquired by %s", (void *)word,
                      (unsigned long long)expected, rules_describe_address(who, here, sizeof(here)));
        __atomic_store_n(word, mine, __ATOMIC_SEQ_CST);
        return false;
    }
    wait_for_word(word, mine, who);
    return false;
}

static void acquired(uintptr_t *word, uintptr_t who, uint8_t old_irql, bool raised, bool recursive)
{
    struct holder *holder = self();
    for (unsigned i = 0; i < holder->count && !recursive; i++)
        note_order(&holder->held[i], word, who);
    if (holder->count == HELD_LIMIT)
        trap_bugcheck("LCK-01", "%u spin locks are held at once", HELD_LIMIT);
    struct held *held = &holder->held[holder->count];
    held->who = who;
    held->old_irql = old_irql;
    held->raised = raised;
    held->recursive = recursive;
    __atomic_store_n(&held->lock, word, __ATOMIC_RELAXED);
    __atomic_store_n(&holder->count, holder->count + 1, __ATOMIC_RELEASE);
}

void nt_spin_lock_acquire(void *lock, uintptr_t who)
{
    char here[128];
    if (sched_on_context() && irql_current() < IRQL_DISPATCH)
        rule_violated("HOST-LOCK-IRQL", lock, "lock %p is acquired without raising the IRQL, which is %u, by %s", lock, irql_current(),
                      rules_describe_address(who, here, sizeof(here)));
    bool recursive = word_take(lock, who);
    acquired(lock, who, irql_current(), false, recursive);
}

uint8_t nt_spin_lock_acquire_raise(void *lock, uintptr_t who)
{
    uint8_t old_irql = irql_raise(IRQL_DISPATCH);
    bool recursive = word_take(lock, who);
    acquired(lock, who, old_irql, true, recursive);
    return old_irql;
}

bool nt_spin_lock_try(void *lock, uintptr_t who)
{
    uintptr_t expected = 0;
    if (!__atomic_compare_exchange_n((uintptr_t *)lock, &expected, own_word(), false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return false;
    acquired(lock, who, irql_current(), false, false);
    return true;
}

/* ---- releasing ---- */

static void report_unowned(const uintptr_t *word, uintptr_t who)
{
    uintptr_t value = __atomic_load_n(word, __ATOMIC_RELAXED);
    char here[128];
    rules_describe_address(who, here, sizeof(here));
    if (value == 0 || value > PROCESSORS)
        rule_violated("LCK-01", word, "lock %p, which nobody holds, is released by %s", (const void *)word, here);
    else
        rule_violated("HOST-LOCK-PROCESSOR", word, "lock %p, held by processor %u, is released on processor %u by %s", (const void *)word,
                      (unsigned)(value - 1), sched_current_processor(), here);
}

/* Gives the lock back. Returns false, after a report, when this processor does not hold it; else *held is what was known of it. */
static bool released(uintptr_t *word, uintptr_t who, struct held *held)
{
    struct holder *holder = self();
    unsigned index = holder->count;
    while (index > 0 && holder->held[index - 1].lock != word)
        index--;
    if (index-- == 0) {
        report_unowned(word, who);
        return false;
    }
    *held = holder->held[index];
    char here[128];
    if (index + 1 != holder->count)
        rule_violated("LCK-03", word, "lock %p is released by %s before lock %p, which was taken after it", (void *)word,
                      rules_describe_address(who, here, sizeof(here)), (void *)holder->held[holder->count - 1].lock);
    memmove(&holder->held[index], &holder->held[index + 1], (holder->count - index - 1) * sizeof(*held));
    __atomic_store_n(&holder->count, holder->count - 1, __ATOMIC_RELEASE);
    if (!held->recursive)
        __atomic_store_n(word, 0, __ATOMIC_RELEASE);
    return true;
}

void nt_spin_lock_release(void *lock, uintptr_t who)
{
    struct held held;
    char here[128];
    if (released(lock, who, &held) && held.raised)
        rule_violated("LCK-02", lock, "lock %p was acquired with raising the IRQL and is released without lowering it by %s", lock,
                      rules_describe_address(who, here, sizeof(here)));
}

void nt_spin_lock_release_lower(void *lock, uint8_t irql, uintptr_t who)
{
    struct held held;
    char here[128];
    if (released(lock, who, &held)) {
        rules_describe_address(who, here, sizeof(here));
        if (!held.raised)
            rule_violated("LCK-02", lock, "lock %p was acquired at DISPATCH_LEVEL and is released with lowering the IRQL by %s", lock,
                          here);
        else if (held.old_irql != irql)
            rule_violated("LCK-06", lock, "lock %p was acquired at IRQL %u and is released to IRQL %u by %s", lock, held.old_irql, irql,
                          here);
    }
    irql_lower(irql);
}

/* ---- the rest ---- */

unsigned nt_spin_locks_held(void)
{
    return self()->count;
}

void nt_spin_lock_initialize(void *lock, uintptr_t who)
{
    nt_spin_lock_forget_range(lock, sizeof(uintptr_t));
    (void)who;
    __atomic_store_n((uintptr_t *)lock, 0, __ATOMIC_RELEASE);
}

void nt_spin_lock_forget_range(const void *start, size_t size)
{
    for (unsigned p = 0; p < PROCESSORS; p++) {
        const struct holder *holder = &holders[p];
        unsigned count = __atomic_load_n(&holder->count, __ATOMIC_ACQUIRE);
        for (unsigned i = 0; i < count && i < HELD_LIMIT; i++) {
            uintptr_t *lock = __atomic_load_n(&holder->held[i].lock, __ATOMIC_RELAXED);
            char where[128];
            if ((uintptr_t)lock - (uintptr_t)start < size)
                rule_violated("HOST-LOCK-FREED", lock, "lock %p, acquired by %s and still held, is freed or initialised", (void *)lock,
                              rules_describe_address(holder->held[i].who, where, sizeof(where)));
        }
    }
    forget_order((uintptr_t)start, size);
}

/* ---- exports ---- */

static uint64_t export_KeInitializeSpinLock(struct export_call *call)
{
    nt_spin_lock_initialize(arg_pointer(call), call->return_address);
    return 0;
}

static uint64_t acquire_raise(struct export_call *call)
{
    return nt_spin_lock_acquire_raise(arg_pointer(call), call->return_address);
}

static uint64_t release_lower(struct export_call *call)
{
    void *lock = arg_pointer(call);
    nt_spin_lock_release_lower(lock, arg_u8(call), call->return_address);
    return 0;
}

static uint64_t acquire_at_dispatch(struct export_call *call)
{
    nt_spin_lock_acquire(arg_pointer(call), call->return_address);
    return 0;
}

static uint64_t release_from_dispatch(struct export_call *call)
{
    nt_spin_lock_release(arg_pointer(call), call->return_address);
    return 0;
}

static uint64_t export_KeTryToAcquireSpinLockAtDpcLevel(struct export_call *call)
{
    return nt_spin_lock_try(arg_pointer(call), call->return_address);
}

static uint64_t export_KeTestSpinLock(struct export_call *call)
{
    return __atomic_load_n((uintptr_t *)arg_pointer(call), __ATOMIC_RELAXED) == 0;
}

/* The queue handle stands on the caller's stack: which lock, and the IRQL to go back to. */
static uint64_t export_KeAcquireInStackQueuedSpinLock(struct export_call *call)
{
    void *lock = arg_pointer(call);
    nt_KLOCK_QUEUE_HANDLE *handle = arg_pointer(call);
    ((nt_KSPIN_LOCK_QUEUE *)handle->LockQueue)->Next = 0;
    ((nt_KSPIN_LOCK_QUEUE *)handle->LockQueue)->Lock = (uintptr_t)lock;
    handle->OldIrql = nt_spin_lock_acquire_raise(lock, call->return_address);
    return 0;
}

static uint64_t export_KeReleaseInStackQueuedSpinLock(struct export_call *call)
{
    const nt_KLOCK_QUEUE_HANDLE *handle = arg_pointer(call);
    nt_spin_lock_release_lower((void *)((const nt_KSPIN_LOCK_QUEUE *)handle->LockQueue)->Lock, handle->OldIrql, call->return_address);
    return 0;
}

static uint64_t export_KeAcquireInStackQueuedSpinLockAtDpcLevel(struct export_call *call)
{
    void *lock = arg_pointer(call);
    nt_KLOCK_QUEUE_HANDLE *handle = arg_pointer(call);
    ((nt_KSPIN_LOCK_QUEUE *)handle->LockQueue)->Lock = (uintptr_t)lock;
    nt_spin_lock_acquire(lock, call->return_address);
    return 0;
}

static uint64_t export_KeReleaseInStackQueuedSpinLockFromDpcLevel(struct export_call *call)
{
    const nt_KLOCK_QUEUE_HANDLE *handle = arg_pointer(call);
    nt_spin_lock_release((void *)((const nt_KSPIN_LOCK_QUEUE *)handle->LockQueue)->Lock, call->return_address);
    return 0;
}

const struct export_row nt_spinlock_exports[] = {
    EXPORT(KeInitializeSpinLock),
    EXPORT(KeTryToAcquireSpinLockAtDpcLevel),
    EXPORT(KeTestSpinLock),
    EXPORT(KeAcquireInStackQueuedSpinLock),
    EXPORT(KeReleaseInStackQueuedSpinLock),
    EXPORT(KeAcquireInStackQueuedSpinLockAtDpcLevel),
    EXPORT(KeReleaseInStackQueuedSpinLockFromDpcLevel),
    /* For DPCs that may be threaded: at PASSIVE_LEVEL or at DISPATCH_LEVEL. */
    {"KeAcquireInStackQueuedSpinLockForDpc", export_KeAcquireInStackQueuedSpinLock, 0},
    {"KeReleaseInStackQueuedSpinLockForDpc", export_KeReleaseInStackQueuedSpinLock, 0},
    {"KeAcquireSpinLockForDpc", acquire_raise, 0},
    {"KeReleaseSpinLockForDpc", release_lower, 0},
    {"KeAcquireSpinLockAtDpcLevel", acquire_at_dispatch, 0},
    {"KeReleaseSpinLockFromDpcLevel", release_from_dispatch, 0},
    {"KeReleaseSpinLock", release_lower, 0},
#if UINTPTR_MAX == UINT64_MAX
    {"KeAcquireSpinLockRaiseToDpc", acquire_raise, 0},
#else
    {"KfAcquireSpinLock", acquire_raise, 0},
    {"KfReleaseSpinLock", release_lower, 0},
    {"KefAcquireSpinLockAtDpcLevel", acquire_at_dispatch, 0},
    {"KefReleaseSpinLockFromDpcLevel", release_from_dispatch, 0},
#endif
    EXPORT_END,
};
