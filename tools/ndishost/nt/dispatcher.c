/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* dispatcher.c - waiting for objects in image memory, and signalling them. */
#include "nt/dispatcher.h"

#include "exec/sched.h"
#include "rules/rules.h"

#include <pthread.h>
#include <string.h>

/* One thread that waits, on its host stack; in the list of all waiters in the order in which they came. */
struct waiter {
    struct waiter *next;
    nt_DISPATCHER_HEADER *const *objects;
    unsigned count;
    bool all;
    bool satisfied;
    unsigned index;
    void *thread;
    struct sched_event wake;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards the waiters, every header, and what dpc.c and timer.c keep */
static struct waiter *waiters;

void dispatcher_lock(void)
{
    pthread_mutex_lock(&mutex);
}

void dispatcher_unlock(void)
{
    pthread_mutex_unlock(&mutex);
}

bool dispatcher_valid(const nt_DISPATCHER_HEADER *header)
{
    uintptr_t links[2];
    memcpy(links, header->WaitListHead, sizeof(links));
    return header->Type <= DISPATCHER_SYNCHRONIZATION_TIMER && links[0] == (uintptr_t)header->WaitListHead && links[1] == links[0];
}

void dispatcher_initialize(nt_DISPATCHER_HEADER *header, enum dispatcher_type type, size_t size, int32_t state)
{
    dispatcher_lock();
    bool waited = dispatcher_waited_in(header, sizeof(*header)) != NULL;
    memset(header, 0, sizeof(*header));
    header->Type = (uint8_t)type;
    header->Size = (uint8_t)(size / sizeof(uint32_t));
    header->SignalState = (uint32_t)state;
    /* Nobody is ever linked here: the list stays empty, and marks the header as initialised. */
    uintptr_t links[2] = {(uintptr_t)header->WaitListHead, (uintptr_t)header->WaitListHead};
    memcpy(header->WaitListHead, links, sizeof(links));
    dispatcher_unlock();
    if (waited)
        rule_violated("HOST-EVENT-REINITIALIZED", header, "the object at %p is initialised while somebody waits on it", (void *)header);
}

/* ---- satisfying (lock held) ---- */

static bool object_ready(const nt_DISPATCHER_HEADER *header, const void *thread)
{
    if (header->Type == DISPATCHER_MUTANT && ((const nt_KMUTANT *)header)->OwnerThread == (uintptr_t)thread)
        return true;
    return (int32_t)header->SignalState > 0;
}

static void object_consume(nt_DISPATCHER_HEADER *header, void *thread)
{
    switch (header->Type) {
    case DISPATCHER_SYNCHRONIZATION_EVENT:
    case DISPATCHER_SYNCHRONIZATION_TIMER:
        header->SignalState = 0;
        break;
    case DISPATCHER_SEMAPHORE:
        header->SignalState--;
        break;
    case DISPATCHER_MUTANT:
        header->SignalState--;
        ((nt_KMUTANT *)header)->OwnerThread = (uintptr_t)thread;
        break;
    default:
        break;
    }
}

/* Whether the wait is over now; what it consumes is consumed. */
static bool waiter_satisfy(struct waiter *waiter)
{
    for (unsigned i = 0; i < waiter->count; i++) {
        bool ready = object_ready(waiter->objects[i], waiter->thread);
        if (waiter->all && !ready)
            return false;
        if (!waiter->all && ready) {
            object_consume(waiter->objects[i], waiter->thread);
            waiter->index = i;
            return true;
        }
    }
    for (unsigned i = 0; i < waiter->count && waiter->all; i++)
        object_consume(waiter->objects[i], waiter->thread);
    return waiter->all;
}

static bool waiter_wants(const struct waiter *waiter, const nt_DISPATCHER_HEADER *header)
{
    for (unsigned i = 0; i < waiter->count; i++) {
        if (waiter->objects[i] == header)
            return true;
    }
    return false;
}

int32_t dispatcher_signal(nt_DISPATCHER_HEADER *header, int32_t state)
{
    int32_t before = (int32_t)header->SignalState;
    header->SignalState = (uint32_t)state;
    for (struct waiter *waiter = waiters; waiter && (int32_t)header->SignalState > 0; waiter = waiter->next) {
        if (!waiter->satisfied && waiter_wants(waiter, header) && waiter_satisfy(waiter)) {
            waiter->satisfied = true;
            sched_event_set(&waiter->wake);
        }
    }
    return before;
}

const void *dispatcher_waited_in(const void *start, size_t size)
{
    for (const struct waiter *waiter = waiters; waiter; waiter = waiter->next) {
        for (unsigned i = 0; i < waiter->count && !waiter->satisfied; i++) {
            if ((uintptr_t)waiter->objects[i] - (uintptr_t)start < size)
                return waiter->objects[i];
        }
    }
    return NULL;
}

/* ---- waiting ---- */

static void waiter_append(struct waiter *waiter)
{
    struct waiter **link = &waiters;
    while (*link)
        link = &(*link)->next;
    *link = waiter;
}

static void waiter_remove(struct waiter *waiter)
{
    struct waiter **link = &waiters;
    while (*link != waiter)
        link = &(*link)->next;
    *link = waiter->next;
}

/* A wait that could block where it must not: reported once per caller, and then only tests. */
static bool may_block(uint64_t deadline, uintptr_t who)
{
    char here[128];
    if (deadline != SCHED_FOREVER && deadline <= sched_now())
        return false;
    if (irql_current() <= IRQL_APC)
        return true;
    rule_violated("WAI-05", NULL, "a wait that may block at IRQL %u, by %s", irql_current(),
                  rules_describe_address(who, here, sizeof(here)));
    return false;
}

unsigned dispatcher_wait(nt_DISPATCHER_HEADER *const *objects, unsigned count, bool all, uint64_t deadline, uintptr_t who)
{
    struct waiter waiter = {.objects = objects, .count = count, .all = all, .thread = sched_current_thread_key()};
    bool block = may_block(deadline, who);
    sched_event_init(&waiter.wake, false, false);
    dispatcher_lock();
    waiter.satisfied = waiter_satisfy(&waiter);
    if (waiter.satisfied || !block) {
        dispatcher_unlock();
        return waiter.satisfied ? waiter.index : DISPATCHER_TIMEOUT;
    }
    waiter_append(&waiter);
    dispatcher_unlock();
    sched_event_wait(&waiter.wake, deadline);
    dispatcher_lock();
    /* Satisfied between the time-out and here counts: what it consumed would be lost else. */
    waiter_remove(&waiter);
    dispatcher_unlock();
    return waiter.satisfied ? waiter.index : DISPATCHER_TIMEOUT;
}

uint64_t dispatcher_deadline(const void *timeout)
{
    if (!timeout)
        return SCHED_FOREVER;
    int64_t value;
    memcpy(&value, timeout, sizeof(value));
    uint64_t now = sched_now();
    uint64_t distance = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    if (value >= 0) {
        uint64_t system = sched_system_time();
        distance = distance > system ? distance - system : 0;
    }
    return distance >= SCHED_FOREVER - now ? SCHED_FOREVER - 1 : now + distance;
}
