/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* dpc.c - deferred procedure calls: a queue per processor, run at DISPATCH_LEVEL on the processor's DPC stack. */
#include "sched.h"

#include "processor.h"
#include "rules/rules.h"

bool sched_dpc_queue(struct sched_dpc *dpc, unsigned number)
{
    if (__atomic_exchange_n(&dpc->queued, 1, __ATOMIC_SEQ_CST))
        return false;
    if (number == SCHED_ANY_PROCESSOR)
        number = sched_current_processor();
    struct processor *processor = &processors[number];
    dpc->processor = number;

    pthread_mutex_lock(&processor->lock);
    dpc->queue_link = NULL;
    if (processor->dpc_last != NULL)
        processor->dpc_last->queue_link = dpc;
    else
        processor->dpc_first = dpc;
    processor->dpc_last = dpc;
    processor->dpc_own |= processor == processor_current;
    attention_set(processor, ATTENTION_DPC);
    pthread_mutex_unlock(&processor->lock);
    sched_policy->wake(processor);
    return true;
}

static void update_attention(struct processor *processor)
{
    if (processor->dpc_first != NULL)
        return;
    processor->dpc_own = false;
    atomic_fetch_and(&processor->attention, ~(uint32_t)ATTENTION_DPC);
}

bool sched_dpc_remove(struct sched_dpc *dpc)
{
    /* One that is being queued this instant on another processor counts as started. */
    if (!__atomic_load_n(&dpc->queued, __ATOMIC_SEQ_CST))
        return false;
    struct processor *processor = &processors[dpc->processor];
    struct sched_dpc *previous = NULL;
    bool found = false;

    pthread_mutex_lock(&processor->lock);
    for (struct sched_dpc *each = processor->dpc_first; each != NULL; previous = each, each = each->queue_link) {
        if (each != dpc)
            continue;
        if (previous != NULL)
            previous->queue_link = dpc->queue_link;
        else
            processor->dpc_first = dpc->queue_link;
        if (processor->dpc_last == dpc)
            processor->dpc_last = previous;
        update_attention(processor);
        __atomic_store_n(&dpc->queued, 0, __ATOMIC_SEQ_CST);
        found = true;
        break;
    }
    pthread_mutex_unlock(&processor->lock);
    return found;
}

bool dpc_run_next(struct processor *processor)
{
    pthread_mutex_lock(&processor->lock);
    struct sched_dpc *dpc = processor->dpc_first;
    if (dpc != NULL) {
        processor->dpc_first = dpc->queue_link;
        if (processor->dpc_first == NULL)
            processor->dpc_last = NULL;
        update_attention(processor);
        /* From here on it may be queued again, as KeInsertQueueDpc allows for a running one. */
        __atomic_store_n(&dpc->queued, 0, __ATOMIC_SEQ_CST);
    }
    pthread_mutex_unlock(&processor->lock);
    if (dpc == NULL)
        return false;

    struct context *context = processor->current;
    uint8_t irql = processor->irql;
    uintptr_t kernel_sp = context->kernel_sp;
    context->kernel_sp = processor->dpc_stack.top;
    processor->irql = IRQL_DISPATCH;
    dpc->routine(dpc); /* and the memory may be gone */
    if (processor->irql != IRQL_DISPATCH)
        rule_violated("IRQL-30", NULL, "a DPC returned at IRQL %u", processor->irql);
    processor->irql = irql;
    context->kernel_sp = kernel_sp;
    return true;
}

/* ---- flush: a marker at the end of every queue ---- */

struct marker {
    struct sched_dpc dpc;
    struct sched_event passed;
};

static void marker_passed(struct sched_dpc *dpc)
{
    sched_event_set(dpc->context);
}

void sched_dpc_flush(void)
{
    struct marker markers[PROCESSOR_LIMIT];
    for (unsigned i = 0; i < processor_count; i++) {
        markers[i].dpc = (struct sched_dpc){.routine = marker_passed, .context = &markers[i].passed};
        sched_event_init(&markers[i].passed, false, false);
        sched_dpc_queue(&markers[i].dpc, i);
    }
    const char *before = sched_wait_reason("DPCs that are queued or running");
    for (unsigned i = 0; i < processor_count; i++)
        sched_event_wait(&markers[i].passed, SCHED_FOREVER);
    sched_wait_reason(before);
}
