/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* work_item.c - NDIS I/O work items and the two system worker threads that run them (rules WRK). */
#include "ndis/work_item.h"

#include <stdlib.h>

#include "exec/call.h"
#include "exec/trap.h"
#include "ndis/exports.h"
#include "ndis/handle.h"
#include "ndis/miniport.h"
#include "rules/acquire.h"
#include "rules/rules.h"

enum { WORKER_COUNT = 2 };

struct work_item {
    struct work_item *next;
    void *handle;
    uintptr_t routine, context;
    bool queued;  /* under queue_mutex */
    bool running; /* under queue_mutex */
    bool freed;   /* by its own callback while it ran; under queue_mutex */
};

static pthread_mutex_t queue_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct work_item *queue_first, **queue_end = &queue_first;
static struct sched_event work_available; /* one wake-up per item: automatic, set again while items remain */
static struct sched_thread *workers[WORKER_COUNT];
static unsigned holders;
static bool stopping;

static struct work_item *take(void)
{
    struct work_item *item;

    pthread_mutex_lock(&queue_mutex);
    item = queue_first;
    if (item) {
        queue_first = item->next;
        if (!queue_first)
            queue_end = &queue_first;
        item->queued = false;
        item->running = true;
    }
    if (queue_first || stopping)
        sched_event_set(&work_available);
    pthread_mutex_unlock(&queue_mutex);
    return item;
}

static void run(struct work_item *item)
{
    uintptr_t routine = item->routine, context = item->context;
    bool freed;
    unsigned ticket = watchdog_arm("HOST-HANG", "NDIS_IO_WORKITEM_FUNCTION", ndis_watchdog_ms);

    IMAGE_CALL("NDIS_IO_WORKITEM_FUNCTION", routine, context, (uintptr_t)item->handle);
    watchdog_disarm(ticket);
    pthread_mutex_lock(&queue_mutex);
    item->running = false;
    freed = item->freed;
    pthread_mutex_unlock(&queue_mutex);
    if (freed)
        free(item);
}

static void worker(void *unused)
{
    (void)unused;
    while (true) {
        struct work_item *item;

        sched_event_wait(&work_available, SCHED_FOREVER);
        while ((item = take()))
            run(item);
        if (stopping)
            return;
    }
}

void work_item_threads_acquire(void)
{
    if (holders++)
        return;
    stopping = false;
    sched_event_init(&work_available, true, false);
    for (unsigned index = 0; index < WORKER_COUNT; index++)
        workers[index] = sched_thread_start("worker", index % sched_processor_count(), worker, NULL);
}

void work_item_threads_release(void)
{
    if (--holders)
        return;
    pthread_mutex_lock(&queue_mutex);
    stopping = true;
    sched_event_set(&work_available);
    pthread_mutex_unlock(&queue_mutex);
    for (unsigned index = 0; index < WORKER_COUNT; index++) {
        sched_thread_join(workers[index]);
        sched_event_set(&work_available); /* the next one */
    }
}

bool work_item_busy(const struct work_item *item)
{
    bool busy;

    pthread_mutex_lock(&queue_mutex);
    busy = item->queued || item->running;
    pthread_mutex_unlock(&queue_mutex);
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
    pthread_mutex_lock(&queue_mutex);
    was_queued = item->queued;
    if (!was_queued) {
        item->routine = routine;
        item->context = context;
        item->queued = true;
        item->next = NULL;
        *queue_end = item;
        queue_end = &item->next;
        sched_event_set(&work_available);
    }
    pthread_mutex_unlock(&queue_mutex);
    if (was_queued)
        rule_violated("WRK-02", item->handle, "NdisQueueIoWorkItem of a work item that is queued already");
    return 0;
}

/* VOID NdisFreeIoWorkItem(NdisIoWorkItemHandle) */
static uint64_t export_NdisFreeIoWorkItem(struct export_call *call)
{
    struct work_item *item = item_from_handle(arg_pointer(call), "NdisFreeIoWorkItem");
    bool queued, running;

    if (!item)
        return 0;
    handle_destroy(item->handle);
    pthread_mutex_lock(&queue_mutex);
    queued = item->queued;
    running = item->running;
    if (queued) {
        struct work_item **link = &queue_first;

        while (*link != item)
            link = &(*link)->next;
        *link = item->next;
        if (!*link)
            queue_end = link;
        item->queued = false;
    }
    item->freed = running;
    pthread_mutex_unlock(&queue_mutex);
    if (queued)
        rule_violated("WRK-03", NULL, "NdisFreeIoWorkItem of a work item that is queued");
    if (!running)
        free(item);
    return 0;
}

const struct export_row ndis_work_item_exports[] = {
    EXPORT(NdisAllocateIoWorkItem),
    EXPORT(NdisQueueIoWorkItem),
    EXPORT(NdisFreeIoWorkItem),
    EXPORT_END,
};
