/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* timer.c - NDIS timer objects (rules TMR). */
#include "ndis/timer.h"

#include <stdlib.h>

#include "exec/call.h"
#include "ndis/exports.h"
#include "ndis/handle.h"
#include "ndis/miniport.h"
#include "rules/acquire.h"
#include "rules/rules.h"

struct ndis_timer {
    struct sched_timer timer;
    struct sched_dpc dpc;
    void *handle;
    uintptr_t function, context;    /* of the characteristics */
    _Atomic uintptr_t call_context; /* of NdisSetTimerObject, 0: the one above (TMR-06) */
    atomic_int running;
};

bool timer_queued(const struct ndis_timer *timer)
{
    return timer->timer.armed || timer->dpc.queued;
}

bool timer_running(const struct ndis_timer *timer)
{
    return timer->running != 0;
}

static void timer_expired(struct sched_dpc *dpc)
{
    struct ndis_timer *timer = dpc->context;
    uintptr_t context = timer->call_context;
    unsigned ticket;

    atomic_fetch_add(&timer->running, 1);
    ticket = watchdog_arm("INT-18", "NetTimerCallback", ndis_watchdog_ms);
    IMAGE_CALL("NetTimerCallback", timer->function, 0, context ? context : timer->context, 0, 0);
    watchdog_disarm(ticket);
    atomic_fetch_sub(&timer->running, 1);
}

static struct ndis_timer *timer_from_handle(void *handle, const char *what)
{
    struct ndis_timer *timer = handle_object(HANDLE_TIMER, handle);

    if (!timer)
        rule_violated("TMR-01", NULL, "%s was given a %s instead of a timer object", what, handle_describe(handle));
    return timer;
}

void timer_discard(struct ndis_timer *timer)
{
    sched_timer_cancel(&timer->timer);
    sched_dpc_remove(&timer->dpc);
    sched_dpc_flush();
    handle_destroy(timer->handle);
    free(timer);
}

/* NDIS_STATUS NdisAllocateTimerObject(NdisHandle, NDIS_TIMER_CHARACTERISTICS *, NDIS_HANDLE *pTimerObject) */
static uint64_t export_NdisAllocateTimerObject(struct export_call *call)
{
    const void *owner = owner_from_handle(arg_pointer(call), "TMR-01", "NdisAllocateTimerObject");
    const nt_NDIS_TIMER_CHARACTERISTICS *given = arg_pointer(call);
    uintptr_t *handle = arg_pointer(call);
    struct ndis_timer *timer;

    *handle = 0;
    if (!owner || !object_header_check("HDR-07", given, "NDIS_TIMER_CHARACTERISTICS", NT_NDIS_OBJECT_TYPE_TIMER_CHARACTERISTICS,
                                       NT_NDIS_TIMER_CHARACTERISTICS_REVISION_1, NT_NDIS_SIZEOF_TIMER_CHARACTERISTICS_REVISION_1))
        return NT_NDIS_STATUS_FAILURE;
    if (!given->AllocationTag)
        rule_violated("HDR-07", NULL, "NDIS_TIMER_CHARACTERISTICS: AllocationTag is 0");
    if (!given->TimerFunction) {
        rule_violated("TMR-01", NULL, "NDIS_TIMER_CHARACTERISTICS: TimerFunction is NULL");
        return NT_NDIS_STATUS_INVALID_PARAMETER;
    }
    if (!acquire_permitted("NdisAllocateTimerObject"))
        return NT_NDIS_STATUS_RESOURCES;
    timer = calloc(1, sizeof(*timer));
    if (!timer)
        return NT_NDIS_STATUS_RESOURCES;
    timer->function = given->TimerFunction;
    timer->context = given->FunctionContext;
    timer->dpc.routine = timer_expired;
    timer->dpc.context = timer;
    timer->handle = handle_create(HANDLE_TIMER, timer, owner, call->return_address);
    *handle = (uintptr_t)timer->handle;
    return NT_NDIS_STATUS_SUCCESS;
}

static uint64_t set_timer(struct ndis_timer *timer, int64_t due_time, uint32_t period_ms, uintptr_t context)
{
    uint64_t now = sched_now(), due;
    bool was_queued;

    if (period_ms > 0x7FFFFFFF) {
        rule_violated("TMR-02", NULL, "MillisecondsPeriod is %u", period_ms);
        return 0;
    }
    if (due_time < 0) {
        due = now + (uint64_t)-due_time;
    } else {
        uint64_t system = sched_system_time();

        due = (uint64_t)due_time > system ? now + ((uint64_t)due_time - system) : now;
    }
    timer->call_context = context;
    was_queued = sched_dpc_remove(&timer->dpc);
    was_queued |= sched_timer_set(&timer->timer, due, (uint64_t)period_ms * 10000, &timer->dpc);
    return was_queued;
}

/* BOOLEAN NdisSetTimerObject(TimerObject, LARGE_INTEGER DueTime, MillisecondsPeriod, FunctionContext) */
static uint64_t export_NdisSetTimerObject(struct export_call *call)
{
    struct ndis_timer *timer = timer_from_handle(arg_pointer(call), "NdisSetTimerObject");
    int64_t due_time = (int64_t)arg_u64(call);
    uint32_t period_ms = arg_u32(call);
    uintptr_t context = arg_word(call);

    return timer ? set_timer(timer, due_time, period_ms, context) : 0;
}

/* BOOLEAN NdisSetCoalescableTimerObject(TimerObject, LARGE_INTEGER DueTime, MillisecondsPeriod, FunctionContext, Tolerance) */
static uint64_t export_NdisSetCoalescableTimerObject(struct export_call *call)
{
    struct ndis_timer *timer = timer_from_handle(arg_pointer(call), "NdisSetCoalescableTimerObject");
    int64_t due_time = (int64_t)arg_u64(call);
    uint32_t period_ms = arg_u32(call);
    uintptr_t context = arg_word(call);

    (void)arg_u32(call); /* Tolerance: zero is always within it */
    return timer ? set_timer(timer, due_time, period_ms, context) : 0;
}

/* BOOLEAN NdisCancelTimerObject(TimerObject) */
static uint64_t export_NdisCancelTimerObject(struct export_call *call)
{
    struct ndis_timer *timer = timer_from_handle(arg_pointer(call), "NdisCancelTimerObject");
    bool periodic, cancelled;

    if (!timer)
        return 0;
    periodic = timer->timer.armed && timer->timer.period;
    if (periodic && irql_current() != IRQL_PASSIVE)
        rule_violated("TMR-04", NULL, "a periodic timer is cancelled at IRQL %u", irql_current());
    cancelled = sched_timer_cancel(&timer->timer);
    cancelled |= sched_dpc_remove(&timer->dpc);
    if (periodic && irql_current() == IRQL_PASSIVE)
        sched_dpc_flush();
    return cancelled;
}

/* VOID NdisFreeTimerObject(TimerObject) */
static uint64_t export_NdisFreeTimerObject(struct export_call *call)
{
    struct ndis_timer *timer = timer_from_handle(arg_pointer(call), "NdisFreeTimerObject");

    if (!timer)
        return 0;
    if (timer_queued(timer) || timer_running(timer)) {
        rule_violated("TMR-01", timer->handle, "NdisFreeTimerObject of a timer that is %s", timer_queued(timer) ? "queued" : "running");
        /* The object stays so that its callback finds it: Windows would crash here. */
        sched_timer_cancel(&timer->timer);
        sched_dpc_remove(&timer->dpc);
        handle_destroy(timer->handle);
        return 0;
    }
    handle_destroy(timer->handle);
    free(timer);
    return 0;
}

const struct export_row ndis_timer_exports[] = {
    EXPORT(NdisAllocateTimerObject), EXPORT(NdisSetTimerObject),  EXPORT(NdisSetCoalescableTimerObject),
    EXPORT(NdisCancelTimerObject),   EXPORT(NdisFreeTimerObject), EXPORT_END,
};
