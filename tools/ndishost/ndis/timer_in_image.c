/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * timer_in_image.c - NDIS_TIMER and NDIS_MINIPORT_TIMER, the timers that a driver keeps in its own memory: a KTIMER and a KDPC, whose
 * arguments happen to be those of the timer function. Memory that is freed, or an image that is unloaded, must not hold an armed one.
 */
#include "abi/nt_constants.h"
#include "abi/nt_types.h"
#include "exec/call.h"
#include "ndis/exports.h"
#include "ndis/miniport.h"
#include "nt/nt.h"
#include "rules/rules.h"

/* Both structures begin with these two. */
static void *timer_of(void *image)
{
    return (void *)((nt_NDIS_TIMER *)image)->Timer;
}

static nt_KDPC *dpc_of(void *image)
{
    return (nt_KDPC *)((nt_NDIS_TIMER *)image)->Dpc;
}

static void initialize(void *timer, uintptr_t function, uintptr_t context, const char *what)
{
    if (!function)
        rule_violated("HOST-ARGUMENT", timer, "%s without a timer function", what);
    nt_timer_initialize(timer_of(timer));
    nt_dpc_initialize(dpc_of(timer), function, context);
}

static uint64_t set(void *timer, uint32_t first_ms, uint32_t period_ms, uintptr_t who)
{
    nt_timer_set(timer_of(timer), first_ms, (int32_t)period_ms, dpc_of(timer), who);
    return 0;
}

/* *cancelled: the function will not be called; FALSE: it was not set, or is about to run. */
static uint64_t cancel(void *timer, uint8_t *cancelled, uintptr_t who)
{
    *cancelled = nt_timer_cancel(timer_of(timer), who);
    return 0;
}

/* VOID NdisInitializeTimer(NDIS_TIMER *, NDIS_TIMER_FUNCTION, PVOID FunctionContext) */
static uint64_t export_NdisInitializeTimer(struct export_call *call)
{
    void *timer = arg_pointer(call);
    uintptr_t function = arg_word(call);

    initialize(timer, function, arg_word(call), "NdisInitializeTimer");
    return 0;
}

/* VOID NdisMInitializeTimer(NDIS_MINIPORT_TIMER *, NDIS_HANDLE MiniportAdapterHandle, NDIS_TIMER_FUNCTION, PVOID FunctionContext) */
static uint64_t export_NdisMInitializeTimer(struct export_call *call)
{
    nt_NDIS_MINIPORT_TIMER *timer = arg_pointer(call);
    uintptr_t handle = arg_word(call), function = arg_word(call), context = arg_word(call);

    if (!adapter_from_handle((void *)handle, "NdisMInitializeTimer"))
        return 0;
    timer->Miniport = handle;
    timer->MiniportTimerFunction = function;
    timer->MiniportTimerContext = context;
    timer->NextTimer = 0;
    initialize(timer, function, context, "NdisMInitializeTimer");
    return 0;
}

/* VOID NdisSetTimer(NDIS_TIMER *, UINT MillisecondsToDelay) */
static uint64_t export_NdisSetTimer(struct export_call *call)
{
    void *timer = arg_pointer(call);

    return set(timer, arg_u32(call), 0, call->return_address);
}

/* VOID NdisSetTimerEx(NDIS_TIMER *, UINT MillisecondsToDelay, PVOID FunctionContext) */
static uint64_t export_NdisSetTimerEx(struct export_call *call)
{
    void *timer = arg_pointer(call);
    uint32_t delay_ms = arg_u32(call);

    dpc_of(timer)->DeferredContext = arg_word(call);
    return set(timer, delay_ms, 0, call->return_address);
}

/* VOID NdisSetPeriodicTimer(NDIS_TIMER *, UINT), VOID NdisMSetPeriodicTimer(NDIS_MINIPORT_TIMER *, UINT MillisecondsPeriod) */
static uint64_t export_NdisSetPeriodicTimer(struct export_call *call)
{
    void *timer = arg_pointer(call);
    uint32_t period_ms = arg_u32(call);

    return set(timer, period_ms, period_ms, call->return_address);
}

/* VOID NdisCancelTimer(NDIS_TIMER *, BOOLEAN *TimerCancelled) and NdisMCancelTimer */
static uint64_t export_NdisCancelTimer(struct export_call *call)
{
    void *timer = arg_pointer(call);

    return cancel(timer, arg_pointer(call), call->return_address);
}

const struct export_row ndis_timer_in_image_exports[] = {
    EXPORT(NdisInitializeTimer),
    EXPORT(NdisMInitializeTimer),
    EXPORT(NdisSetTimer),
    EXPORT(NdisSetTimerEx),
    EXPORT(NdisSetPeriodicTimer),
    {"NdisMSetPeriodicTimer", export_NdisSetPeriodicTimer, 0},
    EXPORT(NdisCancelTimer),
    {"NdisMCancelTimer", export_NdisCancelTimer, 0},
    EXPORT_END,
};
