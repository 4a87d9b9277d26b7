/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* event.c - events, semaphores and mutexes, and the waits of the image. */
#include "nt/dispatcher.h"

#include "abi/nt_constants.h"
#include "exec/sched.h"
#include "rules/rules.h"

#include <stdlib.h>

/* The object has one of the types from first to last; else it is reported and the caller leaves it alone. */
static bool check_type(const nt_DISPATCHER_HEADER *header, enum dispatcher_type first, enum dispatcher_type last, const char *what,
                       uintptr_t who)
{
    char here[128];
    if (dispatcher_valid(header) && header->Type >= first && header->Type <= last)
        return true;
    rule_violated("HOST-EVENT-UNINITIALIZED", header, "%p is not an initialised %s (type %u), used by %s", (const void *)header, what,
                  header->Type, rules_describe_address(who, here, sizeof(here)));
    return false;
}

/* ---- events ---- */

static bool is_event(const nt_DISPATCHER_HEADER *header, uintptr_t who)
{
    return check_type(header, DISPATCHER_NOTIFICATION_EVENT, DISPATCHER_SYNCHRONIZATION_EVENT, "event", who);
}

static int32_t event_change(nt_DISPATCHER_HEADER *header, int32_t state, uintptr_t who)
{
    if (!is_event(header, who))
        return 0;
    dispatcher_lock();
    int32_t before = dispatcher_signal(header, state);
    dispatcher_unlock();
    return before;
}

void nt_event_initialize(void *kevent, bool synchronization, bool signalled)
{
    dispatcher_initialize(kevent, synchronization ? DISPATCHER_SYNCHRONIZATION_EVENT : DISPATCHER_NOTIFICATION_EVENT, sizeof(nt_KEVENT),
                          signalled);
}

void nt_event_set(void *kevent)
{
    event_change(kevent, 1, 0);
}

void nt_event_reset(void *kevent)
{
    event_change(kevent, 0, 0);
}

bool nt_event_wait(void *kevent, uint64_t deadline)
{
    nt_DISPATCHER_HEADER *header = kevent;
    return is_event(header, 0) && dispatcher_wait(&header, 1, false, deadline, 0) == 0;
}

static uint64_t export_KeInitializeEvent(struct export_call *call)
{
    void *event = arg_pointer(call);
    uint32_t type = arg_u32(call);
    if (type > DISPATCHER_SYNCHRONIZATION_EVENT)
        rule_violated("HOST-ARGUMENT", event, "KeInitializeEvent with type %u", (unsigned)type);
    nt_event_initialize(event, type == DISPATCHER_SYNCHRONIZATION_EVENT, arg_u8(call) != 0);
    return 0;
}

static uint64_t export_KeSetEvent(struct export_call *call)
{
    nt_DISPATCHER_HEADER *header = arg_pointer(call);
    arg_u32(call); /* priority boost: every thread has the same priority */
    if (arg_u8(call) && irql_current() > IRQL_APC)
        rule_violated("WAI-06", header, "KeSetEvent with Wait TRUE at IRQL %u", irql_current());
    return (uint64_t)(uint32_t)event_change(header, 1, call->return_address);
}

static uint64_t export_KeResetEvent(struct export_call *call)
{
    return (uint64_t)(uint32_t)event_change(arg_pointer(call), 0, call->return_address);
}

static uint64_t export_KeReadStateEvent(struct export_call *call)
{
    const nt_DISPATCHER_HEADER *header = arg_pointer(call);
    return is_event(header, call->return_address) ? __atomic_load_n(&header->SignalState, __ATOMIC_ACQUIRE) : 0;
}

/* Releases those who wait now; the event is not signalled afterwards. */
static uint64_t export_KePulseEvent(struct export_call *call)
{
    nt_DISPATCHER_HEADER *header = arg_pointer(call);
    arg_u32(call);
    if (arg_u8(call) && irql_current() > IRQL_APC)
        rule_violated("WAI-06", header, "KePulseEvent with Wait TRUE at IRQL %u", irql_current());
    if (!is_event(header, call->return_address))
        return 0;
    dispatcher_lock();
    int32_t before = dispatcher_signal(header, 1);
    dispatcher_signal(header, 0);
    dispatcher_unlock();
    return (uint64_t)(uint32_t)before;
}

/* ---- semaphores ---- */

static uint64_t export_KeInitializeSemaphore(struct export_call *call)
{
    nt_KSEMAPHORE *semaphore = arg_pointer(call);
    int32_t count = (int32_t)arg_u32(call), limit = (int32_t)arg_u32(call);
    if (limit <= 0 || count < 0 || count > limit)
        rule_violated("HOST-ARGUMENT", semaphore, "KeInitializeSemaphore with count %d and limit %d", count, limit);
    dispatcher_initialize((nt_DISPATCHER_HEADER *)semaphore, DISPATCHER_SEMAPHORE, sizeof(*semaphore), count);
    semaphore->Limit = (uint32_t)limit;
    return 0;
}

static uint64_t export_KeReleaseSemaphore(struct export_call *call)
{
    nt_KSEMAPHORE *semaphore = arg_pointer(call);
    nt_DISPATCHER_HEADER *header = (nt_DISPATCHER_HEADER *)semaphore;
    arg_u32(call);
    int32_t adjustment = (int32_t)arg_u32(call);
    if (!check_type(header, DISPATCHER_SEMAPHORE, DISPATCHER_SEMAPHORE, "semaphore", call->return_address))
        return 0;
    dispatcher_lock();
    int32_t before = (int32_t)header->SignalState;
    bool fits = adjustment > 0 && adjustment <= (int32_t)semaphore->Limit - before;
    if (fits)
        dispatcher_signal(header, before + adjustment);
    dispatcher_unlock();
    if (!fits)
        rule_violated("HOST-SEMAPHORE-LIMIT", semaphore, "semaphore %p with count %d and limit %d is released by %d", (void *)semaphore,
                      before, (int)semaphore->Limit, adjustment);
    return (uint64_t)(uint32_t)before;
}

static uint64_t export_KeReadStateSemaphore(struct export_call *call)
{
    const nt_DISPATCHER_HEADER *header = arg_pointer(call);
    return __atomic_load_n(&header->SignalState, __ATOMIC_ACQUIRE);
}

/* ---- mutexes ---- */

static uint64_t export_KeInitializeMutex(struct export_call *call)
{
    nt_KMUTANT *mutex = arg_pointer(call);
    dispatcher_initialize((nt_DISPATCHER_HEADER *)mutex, DISPATCHER_MUTANT, sizeof(*mutex), 1);
    mutex->OwnerThread = 0;
    mutex->Abandoned = 0;
    mutex->ApcDisable = 1;
    return 0;
}

static uint64_t export_KeReleaseMutex(struct export_call *call)
{
    nt_KMUTANT *mutex = arg_pointer(call);
    nt_DISPATCHER_HEADER *header = (nt_DISPATCHER_HEADER *)mutex;
    if (!check_type(header, DISPATCHER_MUTANT, DISPATCHER_MUTANT, "mutex", call->return_address))
        return 0;
    dispatcher_lock();
    int32_t before = (int32_t)header->SignalState;
    bool owned = mutex->OwnerThread == (uintptr_t)sched_current_thread_key();
    if (owned) {
        if (before + 1 == 1)
            mutex->OwnerThread = 0;
        dispatcher_signal(header, before + 1);
    }
    dispatcher_unlock();
    char here[128];
    if (!owned)
        rule_violated("HOST-MUTEX-OWNER", mutex, "mutex %p is released by %s, in a thread that does not own it", (void *)mutex,
                      rules_describe_address(call->return_address, here, sizeof(here)));
    return (uint64_t)(uint32_t)before;
}

static uint64_t export_KeReadStateMutex(struct export_call *call)
{
    const nt_DISPATCHER_HEADER *header = arg_pointer(call);
    if (!check_type(header, DISPATCHER_MUTANT, DISPATCHER_MUTANT, "mutex", call->return_address))
        return 0;
    return (uint64_t)(uint32_t)__atomic_load_n(&header->SignalState, __ATOMIC_ACQUIRE);
}

/* ---- waits ---- */

static bool check_waitable(const nt_DISPATCHER_HEADER *header, uintptr_t who)
{
    return check_type(header, DISPATCHER_NOTIFICATION_EVENT, DISPATCHER_SYNCHRONIZATION_TIMER, "object to wait on", who);
}

static uint64_t export_KeWaitForSingleObject(struct export_call *call)
{
    nt_DISPATCHER_HEADER *header = arg_pointer(call);
    arg_u32(call); /* wait reason, wait mode, alertable: no user mode, no APCs */
    arg_u8(call);
    arg_u8(call);
    uint64_t deadline = dispatcher_deadline(arg_pointer(call));
    if (!check_waitable(header, call->return_address))
        return NT_STATUS_INVALID_PARAMETER;
    return dispatcher_wait(&header, 1, false, deadline, call->return_address) == DISPATCHER_TIMEOUT ? NT_STATUS_TIMEOUT : NT_STATUS_SUCCESS;
}

static uint64_t export_KeWaitForMultipleObjects(struct export_call *call)
{
    uint32_t count = arg_u32(call);
    void *const *array = arg_pointer(call);
    bool all = arg_u32(call) == 0; /* WaitAll */
    arg_u32(call);
    arg_u8(call);
    arg_u8(call);
    uint64_t deadline = dispatcher_deadline(arg_pointer(call));
    const void *wait_blocks = arg_pointer(call);
    if (count == 0 || count > DISPATCHER_WAIT_LIMIT || (count > 3 && !wait_blocks)) {
        rule_violated("HOST-ARGUMENT", NULL, "KeWaitForMultipleObjects with %u objects and %s wait blocks", (unsigned)count,
                      wait_blocks ? "own" : "no");
        return NT_STATUS_INVALID_PARAMETER;
    }
    nt_DISPATCHER_HEADER *objects[DISPATCHER_WAIT_LIMIT];
    for (uint32_t i = 0; i < count; i++) {
        objects[i] = array[i];
        if (!check_waitable(objects[i], call->return_address))
            return NT_STATUS_INVALID_PARAMETER;
    }
    unsigned index = dispatcher_wait(objects, count, all, deadline, call->return_address);
    return index == DISPATCHER_TIMEOUT ? NT_STATUS_TIMEOUT : NT_STATUS_WAIT_0 + index;
}

static uint64_t export_KeDelayExecutionThread(struct export_call *call)
{
    arg_u8(call);
    arg_u8(call);
    uint64_t deadline = dispatcher_deadline(arg_pointer(call));
    char here[128];
    if (irql_current() > IRQL_APC)
        rule_violated("WAI-04", NULL, "KeDelayExecutionThread at IRQL %u by %s", irql_current(),
                      rules_describe_address(call->return_address, here, sizeof(here)));
    else
        sched_sleep_until(deadline);
    return NT_STATUS_SUCCESS;
}

const struct export_row nt_event_exports[] = {
    EXPORT(KeInitializeEvent),      EXPORT(KeSetEvent),
    EXPORT(KeResetEvent),           {"KeClearEvent", export_KeResetEvent, 0},
    EXPORT(KeReadStateEvent),       EXPORT(KeInitializeSemaphore),
    EXPORT(KeReleaseSemaphore),     EXPORT(KeReadStateSemaphore),
    EXPORT(KeInitializeMutex),      EXPORT(KeReleaseMutex),
    EXPORT(KeWaitForSingleObject),  EXPORT(KeWaitForMultipleObjects),
    EXPORT(KeDelayExecutionThread), EXPORT(KePulseEvent),
    EXPORT(KeReadStateMutex),       EXPORT_END,
};
