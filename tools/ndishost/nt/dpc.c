/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* dpc.c - KDPCs in image memory over the scheduler's DPCs. */
#include "nt/dpc.h"
#include "nt/address_table.h"
#include "nt/dispatcher.h"

#include "exec/sched.h"
#include "rules/rules.h"

/* Beside each KDPC. Guarded by the dispatcher's lock. */
struct dpc {
    struct address_entry entry; /* address: the KDPC */
    struct sched_dpc scheduled;
    nt_KDPC *kdpc; /* NULL once its memory is gone */
    bool queued;
    unsigned running; /* routines running now, on several processors possibly */
    uint32_t running_mask;
    unsigned target; /* processor, or SCHED_ANY_PROCESSOR */
};

static struct address_table dpcs = {.entry_size = sizeof(struct dpc)};

/* At DISPATCH_LEVEL. From here on the KDPC may be queued again, or freed by its own routine. */
static void dpc_run(struct sched_dpc *scheduled)
{
    struct dpc *dpc = scheduled->context;
    const uint32_t processor_bit = 1u << sched_current_processor() % 32;
    dispatcher_lock();
    if (!dpc->queued || !dpc->kdpc) {
        dispatcher_unlock();
        return;
    }
    nt_KDPC *kdpc = dpc->kdpc;
    uintptr_t routine = kdpc->DeferredRoutine, context = kdpc->DeferredContext;
    uintptr_t argument1 = kdpc->SystemArgument1, argument2 = kdpc->SystemArgument2;
    kdpc->DpcData = 0;
    dpc->queued = false;
    dpc->running++;
    dpc->running_mask |= processor_bit;
    dispatcher_unlock();

    IMAGE_CALL("DeferredRoutine", routine, (uintptr_t)kdpc, context, argument1, argument2);

    dispatcher_lock();
    dpc->running--;
    dpc->running_mask &= ~processor_bit;
    if (!dpc->kdpc && dpc->running == 0)
        address_table_recycle(&dpcs, &dpc->entry);
    dispatcher_unlock();
}

static struct dpc *obtain(nt_KDPC *kdpc)
{
    struct dpc *dpc = (struct dpc *)address_table_find(&dpcs, kdpc);
    if (dpc)
        return dpc;
    dpc = (struct dpc *)address_table_add(&dpcs, kdpc);
    dpc->kdpc = kdpc;
    dpc->queued = false;
    dpc->scheduled.routine = dpc_run;
    dpc->scheduled.context = dpc;
    dpc->target = SCHED_ANY_PROCESSOR;
    return dpc;
}

bool dpc_insert_locked(nt_KDPC *kdpc, uintptr_t argument1, uintptr_t argument2)
{
    if (kdpc->Type != DPC_OBJECT_TYPE)
        return false;
    struct dpc *dpc = obtain(kdpc);
    if (dpc->queued)
        return false;
    kdpc->SystemArgument1 = argument1;
    kdpc->SystemArgument2 = argument2;
    kdpc->DpcData = (uintptr_t)kdpc; /* not NULL: queued */
    dpc->queued = true;
    sched_dpc_queue(&dpc->scheduled, dpc->target);
    return true;
}

bool dpc_forget_locked(const void *start, size_t size, const char **state, uintptr_t *address)
{
    struct dpc *dpc = (struct dpc *)address_table_take(&dpcs, start, size);
    if (!dpc)
        return false;
    bool elsewhere = (dpc->running_mask & ~(1u << sched_current_processor() % 32)) != 0;
    *state = dpc->queued ? "queued" : elsewhere ? "running on another processor" : NULL;
    *address = dpc->entry.address;
    sched_dpc_remove(&dpc->scheduled);
    dpc->queued = false;
    dpc->kdpc = NULL;
    /* One that was dequeued this instant still comes to dpc_run(), and finds nothing to do. */
    if (dpc->running == 0)
        address_table_recycle(&dpcs, &dpc->entry);
    return true;
}

/* ---- exports ---- */

static bool check_initialized(const nt_KDPC *kdpc, uintptr_t who)
{
    char here[128];
    if (kdpc->Type == DPC_OBJECT_TYPE)
        return true;
    rule_violated("HOST-DPC-UNINITIALIZED", kdpc, "%p is not an initialised DPC, used by %s", (const void *)kdpc,
                  rules_describe_address(who, here, sizeof(here)));
    return false;
}

void nt_dpc_initialize(void *image, uintptr_t routine, uintptr_t context)
{
    nt_KDPC *kdpc = image;
    dispatcher_lock();
    const struct dpc *known = (const struct dpc *)address_table_find(&dpcs, kdpc);
    bool queued = known && known->queued;
    if (!queued) {
        *kdpc = (nt_KDPC){.Type = DPC_OBJECT_TYPE};
        kdpc->Importance = 1; /* medium */
        kdpc->DeferredRoutine = routine;
        kdpc->DeferredContext = context;
        obtain(kdpc)->target = SCHED_ANY_PROCESSOR;
    }
    dispatcher_unlock();
    if (queued)
        rule_violated("HOST-DPC-UNINITIALIZED", kdpc, "DPC %p is initialised while it is queued", (void *)kdpc);
}

static uint64_t export_KeInitializeDpc(struct export_call *call)
{
    void *kdpc = arg_pointer(call);
    uintptr_t routine = arg_word(call);
    nt_dpc_initialize(kdpc, routine, arg_word(call));
    return 0;
}

static uint64_t export_KeInsertQueueDpc(struct export_call *call)
{
    nt_KDPC *kdpc = arg_pointer(call);
    uintptr_t argument1 = arg_word(call), argument2 = arg_word(call);
    if (!check_initialized(kdpc, call->return_address))
        return 0;
    dispatcher_lock();
    bool inserted = dpc_insert_locked(kdpc, argument1, argument2);
    dispatcher_unlock();
    return inserted;
}

static uint64_t export_KeRemoveQueueDpc(struct export_call *call)
{
    nt_KDPC *kdpc = arg_pointer(call);
    if (!check_initialized(kdpc, call->return_address))
        return 0;
    dispatcher_lock();
    struct dpc *dpc = obtain(kdpc);
    /* Not removed though queued: it was dequeued this instant and is about to run. */
    bool removed = dpc->queued && sched_dpc_remove(&dpc->scheduled);
    if (removed) {
        dpc->queued = false;
        kdpc->DpcData = 0;
    }
    dispatcher_unlock();
    return removed;
}

static uint64_t export_KeFlushQueuedDpcs(struct export_call *call)
{
    (void)call;
    sched_dpc_flush();
    return 0;
}

static uint64_t export_KeSetImportanceDpc(struct export_call *call)
{
    nt_KDPC *kdpc = arg_pointer(call);
    uint32_t importance = arg_u32(call);
    if (check_initialized(kdpc, call->return_address))
        kdpc->Importance = (uint8_t)importance;
    return 0;
}

static bool set_target(nt_KDPC *kdpc, unsigned processor, uintptr_t who)
{
    if (!check_initialized(kdpc, who))
        return false;
    if (processor >= sched_processor_count()) {
        rule_violated("HOST-PROCESSOR", kdpc, "DPC %p is targeted to processor %u of %u", (void *)kdpc, processor, sched_processor_count());
        return false;
    }
    dispatcher_lock();
    obtain(kdpc)->target = processor;
    kdpc->Number = (uint16_t)processor;
    dispatcher_unlock();
    return true;
}

static uint64_t export_KeSetTargetProcessorDpc(struct export_call *call)
{
    nt_KDPC *kdpc = arg_pointer(call);
    set_target(kdpc, arg_u8(call), call->return_address);
    return 0;
}

static uint64_t export_KeSetTargetProcessorDpcEx(struct export_call *call)
{
    nt_KDPC *kdpc = arg_pointer(call);
    const nt_PROCESSOR_NUMBER *number = arg_pointer(call);
    if (number->Group != 0 || !set_target(kdpc, number->Number, call->return_address))
        return 0xC000000D; /* STATUS_INVALID_PARAMETER */
    return 0;
}

const struct export_row nt_dpc_exports[] = {
    {"KeInitializeThreadedDpc", export_KeInitializeDpc, 0}, /* as with threaded DPCs switched off, which every driver must bear */
    EXPORT(KeInitializeDpc),
    EXPORT(KeInsertQueueDpc),
    EXPORT(KeRemoveQueueDpc),
    EXPORT(KeFlushQueuedDpcs),
    EXPORT(KeSetImportanceDpc),
    EXPORT(KeSetTargetProcessorDpc),
    EXPORT(KeSetTargetProcessorDpcEx),
    EXPORT_END,
};
