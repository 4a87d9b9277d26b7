/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* pending_operation.c - operations that the image may finish later by a completion call, and the sleeping mutex around them. */
#include <stdio.h>

#include "exec/trap.h"
#include "ndis/miniport.h"

unsigned ndis_watchdog_ms = 30000;

void sleeping_mutex_init(struct sleeping_mutex *mutex)
{
    sched_event_init(&mutex->free, true, true);
}

void sleeping_mutex_lock(struct sleeping_mutex *mutex)
{
    sched_event_wait(&mutex->free, SCHED_FOREVER);
}

void sleeping_mutex_unlock(struct sleeping_mutex *mutex)
{
    sched_event_set(&mutex->free);
}

void pending_operation_start(struct pending_operation *operation)
{
    sched_event_init(&operation->done, false, false);
    operation->status = 0;
    atomic_store(&operation->completions, 0);
    atomic_store(&operation->pending, true);
}

bool pending_operation_complete(struct pending_operation *operation, uint32_t status)
{
    bool expected = true;

    if (!atomic_compare_exchange_strong(&operation->pending, &expected, false)) {
        atomic_fetch_add(&operation->completions, 1);
        return false;
    }
    atomic_fetch_add(&operation->completions, 1);
    operation->status = status;
    sched_event_set(&operation->done);
    return true;
}

bool event_wait_for(struct sched_event *event, unsigned milliseconds)
{
    uint64_t now = sched_run_time(), end = now + (uint64_t)milliseconds * 10000;

    while (now < end) {
        if (sched_event_wait(event, sched_now() + (end - now)))
            return true;
        now = sched_run_time();
    }
    return false;
}

uint32_t pending_operation_wait(struct pending_operation *operation, const char *rule, const char *what)
{
    if (!event_wait_for(&operation->done, ndis_watchdog_ms))
        trap_bugcheck(rule, "%s returned NDIS_STATUS_PENDING and was not completed within %u ms", what, ndis_watchdog_ms);
    return operation->status;
}
