/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* wait.c - NDIS events and sleeps (rules WAI). */
#include "exec/call.h"
#include "exec/sched.h"
#include "ndis/exports.h"
#include "nt/nt.h"
#include "rules/rules.h"

/* An NDIS_EVENT is a notification KEVENT in memory of the driver. VOID NdisInitializeEvent(NDIS_EVENT *) */
static uint64_t export_NdisInitializeEvent(struct export_call *call)
{
    nt_event_initialize(arg_pointer(call), false, false);
    return 0;
}

/* VOID NdisSetEvent(NDIS_EVENT *) */
static uint64_t export_NdisSetEvent(struct export_call *call)
{
    nt_event_set(arg_pointer(call));
    return 0;
}

/* VOID NdisResetEvent(NDIS_EVENT *) */
static uint64_t export_NdisResetEvent(struct export_call *call)
{
    nt_event_reset(arg_pointer(call));
    return 0;
}

/* BOOLEAN NdisWaitEvent(NDIS_EVENT *, MsToWait): 0 waits for ever */
static uint64_t export_NdisWaitEvent(struct export_call *call)
{
    void *event = arg_pointer(call);
    uint32_t milliseconds = arg_u32(call);

    if (irql_current() != IRQL_PASSIVE) {
        rule_violated("WAI-01", event, "NdisWaitEvent at IRQL %u", irql_current());
        return 0;
    }
    if (!milliseconds)
        rule_warned("HOST-WAIT-FOREVER", event, "NdisWaitEvent without a deadline");
    return nt_event_wait(event, milliseconds ? sched_now() + (uint64_t)milliseconds * 10000 : SCHED_FOREVER);
}

/* VOID NdisMSleep(MicrosecondsToSleep) */
static uint64_t export_NdisMSleep(struct export_call *call)
{
    uint32_t microseconds = arg_u32(call);

    if (irql_current() >= IRQL_DISPATCH) {
        rule_violated("WAI-02", NULL, "NdisMSleep at IRQL %u", irql_current());
        return 0;
    }
    if (microseconds > 30000000) {
        rule_violated("WAI-02", NULL, "NdisMSleep of %u microseconds", microseconds);
        microseconds = 30000000;
    }
    sched_sleep_until(sched_now() + (uint64_t)microseconds * 10);
    return 0;
}

const struct export_row ndis_wait_exports[] = {
    EXPORT(NdisInitializeEvent), EXPORT(NdisSetEvent), EXPORT(NdisResetEvent), EXPORT(NdisWaitEvent), EXPORT(NdisMSleep), EXPORT_END,
};
