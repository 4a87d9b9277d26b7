/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* work_item.c - NDIS I/O work items (rules WRK). */
#include "ndis/work_item.h"

#include <stdlib.h>

#include "exec/call.h"
#include "exec/trap.h"
#include "ndis/exports.h"
#include "ndis/handle.h"
#include "ndis/miniport.h"
#include "nt/worker.h"
#include "rules/acquire.h"
#include "rules/rules.h"

struct work_item {
    struct worker_entry entry;
    void *handle;
    uintptr_t routine, context;
    /* under item_mutex */
    bool queued;
    unsigned claims; /* times it is queued or with a worker */
    bool freed;      /* while a worker had it: the last one frees it */
};

static pthread_mutex_t item_mutex = PTHREAD_MUTEX_INITIALIZER;

static void run(struct worker_entry *entry)
{
    struct work_item *item = (struct work_item *)entry;
    uintptr_t routine, context;
    bool freed;
    unsigned ticket;

    pthread_mutex_lock(&item_mutex);
    item->queued = false;
    routine = item->routine;
    context = item->context;
    pthread_mutex_unlock(&item_mutex);
    ticket = watchdog_arm("HOST-HANG", "NDIS_IO_WORKITEM_FUNCTION", ndis_watchdog_ms);
    IMAGE_CALL("NDIS_IO_WORKITEM_FUNCTION", routine, context, (uintptr_t)item->handle);
    watchdog_disarm(ticket);
    pthread_mutex_lock(&item_mutex);
    freed = --item->claims == 0 && item->freed;
    pthread_mutex_unlock(&item_mutex);
    if (freed)
        free(item);
}

bool work_item_busy(const struct work_item *item)
{
    bool busy;

    pthread_mutex_lock(&item_mutex);
    busy = item->claims != 0;
    pthread_mutex_unlock(&item_mutex);
    return busy;
}

void work_item_discard(struct work_item *item)
{
    uint64_t deadline = sched_now() + (uint64_t)ndis_watchdog_ms * 10000;

    while (work_item_busy(item)) {
        if (sched_now() > deadline)
            trap_bugcheck("HLT-06", "a work item still runs after %u ms", ndis_watchdog_ms);
        sched_sleep_until(sched_now() + 10000);
    }
    handle_destroy(item->handle);
    free(item);
}

static struct work_item *item_from_handle(void *handle, const char *what)
{
    struct work_item *item = handle_object(HANDLE_WORK_ITEM, handle);

    if (!item)
        rule_violated("WRK-01", NULL, "%s was given a %s instead of a work item", what, handle_describe(handle));
    return item;
}

/* NDIS_HANDLE NdisAllocateIoWorkItem(NdisObjectHandle) */
static uint64_t export_NdisAllocateIoWorkItem(struct export_call *call)
{
    const void *owner = owner_from_handle(arg_pointer(call), "WRK-01", "NdisAllocateIoWorkItem");
    struct work_item *item = owner && acquire_permitted("NdisAllocateIoWorkItem") ? calloc(1, sizeof(*item)) : NULL;

    if (!item)
        return 0;
    item->entry.run = run;
    item->entry.holds_driver = true;
    item->handle = handle_create(HANDLE_WORK_ITEM, item, owner, call->return_address);
    return (uintptr_t)item->handle;
}

/* VOID NdisQueueIoWorkItem(NdisIoWorkItemHandle, Routine, WorkItemContext) */
static uint64_t export_NdisQueueIoWorkItem(struct export_call *call)
{
    struct work_item *item = item_from_handle(arg_pointer(call), "NdisQueueIoWorkItem");
    uintptr_t routine = arg_word(call);
    uintptr_t context = arg_word(call);
    bool was_queued;

    if (!item)
        return 0;
    pthread_mutex_lock(&item_mutex);
    was_queued = item->queued;
    if (!was_queued) {
        item->routine = routine;
        item->entry.routine = routine;
        item->context = context;
        item->queued = true;
        item->claims++;
        worker_queue(&item->entry);
    }
    pthread_mutex_unlock(&item_mutex);
    if (was_queued)
        rule_violated("WRK-02", item->handle, "NdisQueueIoWorkItem of a work item that is queued already");
    return 0;
}

/* VOID NdisFreeIoWorkItem(NdisIoWorkItemHandle) */
static uint64_t export_NdisFreeIoWorkItem(struct export_call *call)
{
    struct work_item *item = item_from_handle(arg_pointer(call), "NdisFreeIoWorkItem");
    bool queued, claimed;

    if (!item)
        return 0;
    handle_destroy(item->handle);
    pthread_mutex_lock(&item_mutex);
    queued = item->queued && worker_cancel(&item->entry);
    item->claims -= queued;
    claimed = item->claims != 0;
    item->freed = claimed;
    pthread_mutex_unlock(&item_mutex);
    if (queued)
        rule_violated("WRK-03", NULL, "NdisFreeIoWorkItem of a work item that is queued");
    if (!claimed)
        free(item);
    return 0;
}

const struct export_row ndis_work_item_exports[] = {
    EXPORT(NdisAllocateIoWorkItem),
    EXPORT(NdisQueueIoWorkItem),
    EXPORT(NdisFreeIoWorkItem),
    EXPORT_END,
};
