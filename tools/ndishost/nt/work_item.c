/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* work_item.c - work items of the I/O manager and of the executive, for the system worker threads. */
#include "nt/exports.h"
#include "nt/nt.h"
#include "nt/pool.h"
#include "nt/worker.h"

#include "abi/nt_types.h"

#include "abi/nt_constants.h"
#include "exec/sched.h"
#include "rules/acquire.h"
#include "rules/rules.h"

#include <pthread.h>
#include <stdlib.h>

/* ---- IO_WORKITEM: opaque, in memory that the image holds ---- */

enum { IO_WORK_ITEM = 0x6D657449, ITEM_TAG = 0x20206F49 };

struct io_work_item {
    uint32_t signature;
    bool allocated; /* by IoAllocateWorkItem */
    uintptr_t object;
    struct io_request *request; /* queued, not begun; under item_mutex */
};

/* Once queued the worker has what it needs beside the item, which its routine may free. */
struct io_request {
    struct worker_entry entry;
    struct io_work_item *item;
    uintptr_t object, routine, context;
};

static pthread_mutex_t item_mutex = PTHREAD_MUTEX_INITIALIZER;

static void io_run(struct worker_entry *entry)
{
    struct io_request *request = (struct io_request *)entry;
    pthread_mutex_lock(&item_mutex);
    request->item->request = NULL; /* from here on it may be queued again, or freed */
    pthread_mutex_unlock(&item_mutex);
    IMAGE_CALL("IO_WORKITEM_ROUTINE", request->routine, request->object, request->context);
    free(request);
}

static struct io_work_item *item_of(struct export_call *call, const char *what)
{
    struct io_work_item *item = arg_pointer(call);
    char here[128];
    if (item && item->signature == IO_WORK_ITEM)
        return item;
    rule_violated("HOST-HANDLE", item, "%s was given %p, which is no work item, by %s", what, (void *)item,
                  rules_describe_address(call->return_address, here, sizeof(here)));
    return NULL;
}

static void io_initialize(struct io_work_item *item, uintptr_t object, bool allocated)
{
    *item = (struct io_work_item){.signature = IO_WORK_ITEM, .allocated = allocated, .object = object};
}

static uint64_t export_IoSizeofWorkItem(struct export_call *call)
{
    (void)call;
    return sizeof(struct io_work_item);
}

static uint64_t export_IoAllocateWorkItem(struct export_call *call)
{
    uintptr_t object = arg_word(call);
    if (!acquire_permitted("IoAllocateWorkItem"))
        return 0;
    struct io_work_item *item = pool_allocate_block(sizeof(*item), ITEM_TAG, NULL, call->return_address, POOL_ZEROED | POOL_UNTRACKED);
    if (!item)
        return 0;
    io_initialize(item, object, true);
    track_acquire(TRACK_WORK_ITEM, item, sizeof(*item), NULL, call->return_address);
    return (uintptr_t)item;
}

static uint64_t export_IoInitializeWorkItem(struct export_call *call)
{
    uintptr_t object = arg_word(call);
    io_initialize(arg_pointer(call), object, false);
    return 0;
}

static uint64_t io_queue(struct io_work_item *item, uintptr_t routine, uintptr_t context, uintptr_t who)
{
    struct io_request *request = calloc(1, sizeof(*request));
    char here[128];
    if (!request)
        abort();
    *request = (struct io_request){.entry = {.run = io_run, .routine = routine, .holds_driver = true},
                                   .item = item,
                                   .object = item->object,
                                   .routine = routine,
                                   .context = context};
    pthread_mutex_lock(&item_mutex);
    bool queued = item->request != NULL;
    if (!queued) {
        item->request = request;
        worker_queue(&request->entry);
    }
    pthread_mutex_unlock(&item_mutex);
    if (queued) {
        free(request);
        rule_violated("WRK-02", item, "a work item is queued that is queued already, by %s",
                      rules_describe_address(who, here, sizeof(here)));
    }
    return 0;
}

/* The type of the queue is a matter of priority; there is one. */
static uint64_t export_IoQueueWorkItem(struct export_call *call)
{
    struct io_work_item *item = item_of(call, "IoQueueWorkItem");
    uintptr_t routine = arg_word(call);
    arg_u32(call);
    uintptr_t context = arg_word(call);
    return item ? io_queue(item, routine, context, call->return_address) : 0;
}

/* Takes the item out of use; one that is queued is taken out of the queue. */
static void io_retire(struct io_work_item *item, const char *what)
{
    pthread_mutex_lock(&item_mutex);
    struct io_request *request = item->request;
    bool queued = request && worker_cancel(&request->entry);
    item->request = NULL;
    item->signature = 0;
    pthread_mutex_unlock(&item_mutex);
    if (queued)
        free(request);
    if (request)
        rule_violated("WRK-03", item, "%s of a work item that is queued", what);
}

static uint64_t export_IoFreeWorkItem(struct export_call *call)
{
    struct io_work_item *item = item_of(call, "IoFreeWorkItem");
    if (!item)
        return 0;
    if (!item->allocated) {
        rule_violated("HOST-HANDLE", item, "IoFreeWorkItem of a work item that IoInitializeWorkItem made");
        return 0;
    }
    io_retire(item, "IoFreeWorkItem");
    track_release(TRACK_WORK_ITEM, item);
    pool_free_untracked(item, call->return_address);
    return 0;
}

static uint64_t export_IoUninitializeWorkItem(struct export_call *call)
{
    struct io_work_item *item = item_of(call, "IoUninitializeWorkItem");
    if (item)
        io_retire(item, "IoUninitializeWorkItem");
    return 0;
}

/* ---- WORK_QUEUE_ITEM: List.Flink is not NULL while it is queued; the routine may free it ---- */

struct executive_request {
    struct worker_entry entry;
    nt_WORK_QUEUE_ITEM *item;
};

static void executive_run(struct worker_entry *entry)
{
    nt_WORK_QUEUE_ITEM *item = ((struct executive_request *)entry)->item;
    uintptr_t routine = item->WorkerRoutine, parameter = item->Parameter;
    free(entry);
    track_release(TRACK_WORK_ITEM, item);
    ((nt_LIST_ENTRY *)item->List)->Flink = 0;
    IMAGE_CALL("WORKER_THREAD_ROUTINE", routine, parameter);
}

static uint64_t export_ExQueueWorkItem(struct export_call *call)
{
    nt_WORK_QUEUE_ITEM *item = arg_pointer(call);
    nt_LIST_ENTRY *link = (nt_LIST_ENTRY *)item->List;
    char here[128];
    if (link->Flink) {
        rule_violated("WRK-02", item, "a work item is queued that is queued already or was not initialised, by %s",
                      rules_describe_address(call->return_address, here, sizeof(here)));
        return 0;
    }
    struct executive_request *request = calloc(1, sizeof(*request));
    if (!request)
        abort();
    link->Flink = (uintptr_t)link;
    request->entry.run = executive_run;
    request->entry.routine = item->WorkerRoutine;
    request->item = item;
    /* The queue does not hold the driver in memory: what is left in it at unload is a leak. */
    track_acquire(TRACK_WORK_ITEM, item, sizeof(*item), NULL, call->return_address);
    worker_queue(&request->entry);
    return 0;
}

const struct export_row nt_work_item_exports[] = {
    EXPORT(IoSizeofWorkItem), EXPORT(IoAllocateWorkItem),     EXPORT(IoInitializeWorkItem), EXPORT(IoQueueWorkItem),
    EXPORT(IoFreeWorkItem),   EXPORT(IoUninitializeWorkItem), EXPORT(ExQueueWorkItem),      EXPORT_END,
};
