/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * io_csq.c - cancel-safe queues: the driver keeps the queue and its lock in callbacks, the I/O manager the races with cancellation. An IRP
 * in a queue refers to it, or to the caller's context, in DriverContext[3].
 */
#include "nt/io.h"

#include <string.h>

#include "abi/nt_constants.h"
#include "exec/call.h"
#include "exec/sched.h"
#include "nt/exports.h"
#include "nt/nt.h"
#include "rules/rules.h"

enum { CONTEXT_WORD = 3 };

static uintptr_t *queue_word(nt_IRP *irp)
{
    return (uintptr_t *)irp->Tail_Overlay_DriverContext + CONTEXT_WORD;
}

static bool is_queue(const nt_IO_CSQ *queue)
{
    return queue->Type == NT_IO_TYPE_CSQ || queue->Type == NT_IO_TYPE_CSQ_EX;
}

/* What a call gets as a queue; false: it is reported. */
static bool check_queue(const nt_IO_CSQ *queue, const struct export_call *call)
{
    char here[128];
    if (is_queue(queue))
        return true;
    rule_violated("HOST-ARGUMENT", queue, "%s of %p, which IoCsqInitialize has not initialised, by %s", call->row->name,
                  (const void *)queue, rules_describe_address(call->return_address, here, sizeof(here)));
    return false;
}

/* ---- the driver's callbacks ---- */

struct held {
    uint8_t irql;        /* what CsqAcquireLock told */
    uint8_t irql_before; /* where it was called */
    unsigned locks_before;
};

static void lock_queue(nt_IO_CSQ *queue, struct held *held)
{
    *held = (struct held){0, irql_current(), nt_spin_locks_held()};
    image_call_locking("CsqAcquireLock", queue->CsqAcquireLock, 2, (const uintptr_t[]){(uintptr_t)queue, (uintptr_t)&held->irql});
}

static void unlock_queue(nt_IO_CSQ *queue, const struct held *held)
{
    image_call_locking("CsqReleaseLock", queue->CsqReleaseLock, 2, (const uintptr_t[]){(uintptr_t)queue, held->irql});
    if (irql_current() == held->irql_before && nt_spin_locks_held() == held->locks_before)
        return;
    rule_violated("IRQL-30", queue,
                  "CsqAcquireLock was entered at IRQL %u with %u spin locks held, and CsqReleaseLock returned at IRQL %u with %u",
                  held->irql_before, held->locks_before, irql_current(), nt_spin_locks_held());
    if (irql_current() > held->irql_before)
        irql_lower(held->irql_before);
    else if (irql_current() < held->irql_before)
        irql_raise(held->irql_before);
}

static void remove_irp(nt_IO_CSQ *queue, nt_IRP *irp)
{
    IMAGE_CALL("CsqRemoveIrp", queue->CsqRemoveIrp, (uintptr_t)queue, (uintptr_t)irp);
}

static void complete_cancelled(nt_IO_CSQ *queue, nt_IRP *irp)
{
    IMAGE_CALL("CsqCompleteCanceledIrp", queue->CsqCompleteCanceledIrp, (uintptr_t)queue, (uintptr_t)irp);
}

static uintptr_t exchange_cancel_routine(nt_IRP *irp, uintptr_t routine)
{
    return __atomic_exchange_n(&irp->CancelRoutine, routine, __ATOMIC_ACQ_REL);
}

/* It leaves the queue: neither it nor its context refer to the queue any more. Queue locked. */
static nt_IO_CSQ *disconnect(nt_IRP *irp)
{
    void *word = (void *)*queue_word(irp);
    nt_IO_CSQ_IRP_CONTEXT *context = word;
    *queue_word(irp) = 0;
    if (is_queue(word))
        return word;
    context->Irp = 0;
    return (nt_IO_CSQ *)context->Csq;
}

/* ---- exports ---- */

static uint64_t initialize(struct export_call *call, uint32_t type)
{
    nt_IO_CSQ *queue = arg_pointer(call);
    char here[128];
    memset(queue, 0, sizeof(*queue));
    queue->Type = type;
    queue->CsqInsertIrp = arg_word(call);
    queue->CsqRemoveIrp = arg_word(call);
    queue->CsqPeekNextIrp = arg_word(call);
    queue->CsqAcquireLock = arg_word(call);
    queue->CsqReleaseLock = arg_word(call);
    queue->CsqCompleteCanceledIrp = arg_word(call);
    if (queue->CsqInsertIrp && queue->CsqRemoveIrp && queue->CsqPeekNextIrp && queue->CsqAcquireLock && queue->CsqReleaseLock &&
        queue->CsqCompleteCanceledIrp)
        return NT_STATUS_SUCCESS;
    queue->Type = 0;
    rule_violated("HOST-ARGUMENT", queue, "%s without all six callbacks, by %s", call->row->name,
                  rules_describe_address(call->return_address, here, sizeof(here)));
    return NT_STATUS_INVALID_PARAMETER;
}

static uint64_t export_IoCsqInitialize(struct export_call *call)
{
    return initialize(call, NT_IO_TYPE_CSQ);
}

static uint64_t export_IoCsqInitializeEx(struct export_call *call)
{
    return initialize(call, NT_IO_TYPE_CSQ_EX);
}

/* Queue locked: asks the driver to queue it; an error of CsqInsertIrpEx leaves the IRP with the caller. */
static uint32_t queue_irp(nt_IO_CSQ *queue, nt_IRP *irp, uintptr_t insert_context)
{
    if (queue->Type == NT_IO_TYPE_CSQ_EX)
        return (uint32_t)IMAGE_CALL("CsqInsertIrpEx", queue->CsqInsertIrp, (uintptr_t)queue, (uintptr_t)irp, insert_context);
    IMAGE_CALL("CsqInsertIrp", queue->CsqInsertIrp, (uintptr_t)queue, (uintptr_t)irp);
    return NT_STATUS_SUCCESS;
}

static uint32_t insert(nt_IO_CSQ *queue, nt_IRP *irp, nt_IO_CSQ_IRP_CONTEXT *context, uintptr_t insert_context)
{
    struct held held;
    if (context) {
        context->Type = NT_IO_TYPE_CSQ_IRP_CONTEXT;
        context->Irp = (uintptr_t)irp;
        context->Csq = (uintptr_t)queue;
    }
    *queue_word(irp) = context ? (uintptr_t)context : (uintptr_t)queue;
    lock_queue(queue, &held);
    uint32_t status = queue_irp(queue, irp, insert_context);
    if (status >> 31) {
        disconnect(irp);
        unlock_queue(queue, &held);
        return status;
    }
    ((nt_IO_STACK_LOCATION *)irp->Tail_Overlay_CurrentStackLocation)->Control |= NT_SL_PENDING_RETURNED;
    exchange_cancel_routine(irp, export_resolve("ndishost", "IopCsqCancelRoutine"));
    /* Cancelled before: whoever gets the routine back completes the IRP. */
    bool cancelled = irp->Cancel && exchange_cancel_routine(irp, 0);
    if (cancelled) {
        remove_irp(queue, irp);
        disconnect(irp);
    }
    unlock_queue(queue, &held);
    if (cancelled)
        complete_cancelled(queue, irp);
    return status;
}

static uint64_t check_and_insert(struct export_call *call, nt_IO_CSQ *queue, nt_IRP *irp, nt_IO_CSQ_IRP_CONTEXT *context,
                                 uintptr_t insert_context)
{
    char here[128];
    if (!check_queue(queue, call))
        return NT_STATUS_INVALID_PARAMETER;
    if (io_request_is_live(irp) || io_irp_is_own(irp))
        return insert(queue, irp, context, insert_context);
    rule_violated("HOST-IRP", irp, "%s of %p, which is not an IRP that the driver owns, by %s", call->row->name, (void *)irp,
                  rules_describe_address(call->return_address, here, sizeof(here)));
    return NT_STATUS_INVALID_PARAMETER;
}

/* VOID IoCsqInsertIrp(PIO_CSQ Csq, PIRP Irp, PIO_CSQ_IRP_CONTEXT Context) */
static uint64_t export_IoCsqInsertIrp(struct export_call *call)
{
    nt_IO_CSQ *queue = arg_pointer(call);
    nt_IRP *irp = arg_pointer(call);
    check_and_insert(call, queue, irp, arg_pointer(call), 0);
    return 0;
}

/* NTSTATUS IoCsqInsertIrpEx(PIO_CSQ Csq, PIRP Irp, PIO_CSQ_IRP_CONTEXT Context, PVOID InsertContext) */
static uint64_t export_IoCsqInsertIrpEx(struct export_call *call)
{
    nt_IO_CSQ *queue = arg_pointer(call);
    nt_IRP *irp = arg_pointer(call);
    nt_IO_CSQ_IRP_CONTEXT *context = arg_pointer(call);
    return check_and_insert(call, queue, irp, context, arg_word(call));
}

/* PIRP IoCsqRemoveIrp(PIO_CSQ Csq, PIO_CSQ_IRP_CONTEXT Context): NULL when it is removed or cancelled already. */
static uint64_t export_IoCsqRemoveIrp(struct export_call *call)
{
    nt_IO_CSQ *queue = arg_pointer(call);
    nt_IO_CSQ_IRP_CONTEXT *context = arg_pointer(call);
    char here[128];
    struct held held;
    if (!check_queue(queue, call))
        return 0;
    lock_queue(queue, &held);
    nt_IRP *irp = (nt_IRP *)context->Irp;
    if (irp && context->Csq != (uintptr_t)queue) {
        rule_violated("HOST-ARGUMENT", context, "IoCsqRemoveIrp with the context of an IRP in another queue, by %s",
                      rules_describe_address(call->return_address, here, sizeof(here)));
        irp = NULL;
    }
    if (irp && exchange_cancel_routine(irp, 0)) {
        remove_irp(queue, irp);
        disconnect(irp);
    } else {
        irp = NULL;
    }
    unlock_queue(queue, &held);
    return (uintptr_t)irp;
}

/* PIRP IoCsqRemoveNextIrp(PIO_CSQ Csq, PVOID PeekContext): skips those that are being cancelled. */
static uint64_t export_IoCsqRemoveNextIrp(struct export_call *call)
{
    nt_IO_CSQ *queue = arg_pointer(call);
    uintptr_t peek_context = arg_word(call);
    struct held held;
    nt_IRP *irp = NULL;
    if (!check_queue(queue, call))
        return 0;
    lock_queue(queue, &held);
    do
        irp = (nt_IRP *)(uintptr_t)IMAGE_CALL("CsqPeekNextIrp", queue->CsqPeekNextIrp, (uintptr_t)queue, (uintptr_t)irp, peek_context);
    while (irp && !exchange_cancel_routine(irp, 0));
    if (irp) {
        remove_irp(queue, irp);
        disconnect(irp);
    }
    unlock_queue(queue, &held);
    return (uintptr_t)irp;
}

/* The cancel routine of every IRP in a queue, entered with the cancel lock held. */
static uint64_t export_IopCsqCancelRoutine(struct export_call *call)
{
    struct held held;
    arg_pointer(call);
    nt_IRP *irp = arg_pointer(call);
    const void *word = (const void *)*queue_word(irp);
    nt_IO_CSQ *queue = is_queue(word) ? (nt_IO_CSQ *)(uintptr_t)word : (nt_IO_CSQ *)((const nt_IO_CSQ_IRP_CONTEXT *)word)->Csq;
    io_cancel_lock_release(irp->CancelIrql);
    lock_queue(queue, &held);
    remove_irp(queue, irp);
    disconnect(irp);
    unlock_queue(queue, &held);
    complete_cancelled(queue, irp);
    return 0;
}

const struct export_row nt_io_csq_exports[] = {
    EXPORT(IoCsqInitialize), EXPORT(IoCsqInitializeEx),  EXPORT(IoCsqInsertIrp),      EXPORT(IoCsqInsertIrpEx),
    EXPORT(IoCsqRemoveIrp),  EXPORT(IoCsqRemoveNextIrp), EXPORT(IopCsqCancelRoutine), EXPORT_END,
};
