/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* interrupt.c - interrupt sources: pending ones queue on their processor and run there at IRQL_DEVICE, on its interrupt stack. */
#include "sched.h"

#include "processor.h"
#include "rules/rules.h"

#include <stdio.h>
#include <stdlib.h>

/* So many runs in a row that leave the level asserted are a storm; from then on each run is preceded by a nap. */
#define STORM_RUNS   100000u
#define STORM_NAP_US 1000u

/* Queues a source whose `pending` the caller has just set from 0 to 1. */
static void enqueue(struct sched_interrupt *interrupt)
{
    struct processor *processor = &processors[interrupt->processor];
    pthread_mutex_lock(&processor->lock);
    if (!interrupt->connected) {
        interrupt->pending = 0;
        pthread_mutex_unlock(&processor->lock);
        return;
    }
    interrupt->link = NULL;
    if (processor->interrupt_last != NULL)
        processor->interrupt_last->link = interrupt;
    else
        processor->interrupt_first = interrupt;
    processor->interrupt_last = interrupt;
    attention_set(processor, ATTENTION_INTERRUPT);
    pthread_mutex_unlock(&processor->lock);
    sched_policy->wake(processor);
}

static void make_pending(struct sched_interrupt *interrupt)
{
    if (__atomic_exchange_n(&interrupt->pending, 1, __ATOMIC_SEQ_CST) == 0)
        enqueue(interrupt);
}

void sched_interrupt_raise(struct sched_interrupt *interrupt)
{
    make_pending(interrupt);
}

void sched_interrupt_set_level(struct sched_interrupt *interrupt, bool level)
{
    __atomic_store_n(&interrupt->asserted, level, __ATOMIC_SEQ_CST);
    if (level)
        make_pending(interrupt);
}

void sched_interrupt_connect(struct sched_interrupt *interrupt)
{
    if (interrupt->processor >= processor_count) {
        fprintf(stderr, "ndishost: an interrupt is connected to processor %u of %u\n", interrupt->processor, processor_count);
        abort();
    }
    struct processor *processor = &processors[interrupt->processor];
    pthread_mutex_lock(&processor->lock);
    interrupt->connected = 1;
    pthread_mutex_unlock(&processor->lock);
    if (interrupt->level && __atomic_load_n(&interrupt->asserted, __ATOMIC_SEQ_CST))
        make_pending(interrupt);
}

static void unlink_pending(struct processor *processor, struct sched_interrupt *interrupt)
{
    struct sched_interrupt *previous = NULL;
    for (struct sched_interrupt *each = processor->interrupt_first; each != NULL; previous = each, each = each->link) {
        if (each != interrupt)
            continue;
        if (previous != NULL)
            previous->link = interrupt->link;
        else
            processor->interrupt_first = interrupt->link;
        if (processor->interrupt_last == interrupt)
            processor->interrupt_last = previous;
        if (processor->interrupt_first == NULL)
            atomic_fetch_and(&processor->attention, ~(uint32_t)ATTENTION_INTERRUPT);
        interrupt->pending = 0;
        break;
    }
}

void sched_interrupt_disconnect(struct sched_interrupt *interrupt)
{
    struct processor *processor = &processors[interrupt->processor];
    pthread_mutex_lock(&processor->lock);
    interrupt->connected = 0;
    unlink_pending(processor, interrupt);
    pthread_mutex_unlock(&processor->lock);
    while (__atomic_load_n(&interrupt->running, __ATOMIC_SEQ_CST))
        sched_spin();
}

/* ---- the source's lock, taken at IRQL_DEVICE ---- */

static void lock_source(struct sched_interrupt *interrupt, struct processor *processor)
{
    void *free_ = NULL;
    while (!__atomic_compare_exchange_n(&interrupt->lock_owner, &free_, (void *)processor, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        free_ = NULL;
        sched_spin();
    }
}

static void unlock_source(struct sched_interrupt *interrupt)
{
    __atomic_store_n(&interrupt->lock_owner, NULL, __ATOMIC_SEQ_CST);
}

bool sched_interrupt_synchronize(struct sched_interrupt *interrupt, bool (*routine)(void *context), void *context)
{
    struct processor *processor = processor_current;
    if (interrupt->lock_owner == (void *)processor) {
        fprintf(stderr, "ndishost: an interrupt's lock is acquired twice by processor %u\n", processor->number);
        abort();
    }
    uint8_t irql = irql_raise(IRQL_DEVICE);
    lock_source(interrupt, processor);
    bool result = routine(context);
    unlock_source(interrupt);
    irql_lower(irql);
    return result;
}

/* ---- delivery ---- */

static void run(struct processor *processor, struct sched_interrupt *interrupt)
{
    struct context *context = processor->current;
    uint8_t irql = processor->irql;
    uintptr_t kernel_sp = context->kernel_sp;
    processor->irql = IRQL_DEVICE;
    lock_source(interrupt, processor);
    context->kernel_sp = processor->interrupt_stack.top;
    interrupt->routine(interrupt);
    context->kernel_sp = kernel_sp;
    unlock_source(interrupt);
    if (processor->irql != IRQL_DEVICE)
        rule_violated("IRQL-30", NULL, "an interrupt routine returned at IRQL %u", processor->irql);
    processor->irql = irql;
}

/* Returns whether a level source is still asserted; notices a storm. */
static bool still_asserted(struct sched_interrupt *interrupt)
{
    if (!interrupt->level || !__atomic_load_n(&interrupt->asserted, __ATOMIC_SEQ_CST)) {
        interrupt->storm = 0;
        return false;
    }
    if (interrupt->storm < STORM_RUNS && ++interrupt->storm == STORM_RUNS)
        rule_violated("HOST-INTERRUPT-STORM", interrupt, "the line is still asserted after %u runs of its routine", STORM_RUNS);
    return true;
}

bool interrupt_run_next(struct processor *processor)
{
    pthread_mutex_lock(&processor->lock);
    struct sched_interrupt *interrupt = processor->interrupt_first;
    if (interrupt != NULL) {
        processor->interrupt_first = interrupt->link;
        if (processor->interrupt_first == NULL) {
            processor->interrupt_last = NULL;
            atomic_fetch_and(&processor->attention, ~(uint32_t)ATTENTION_INTERRUPT);
        }
        __atomic_store_n(&interrupt->running, 1, __ATOMIC_SEQ_CST);
        __atomic_store_n(&interrupt->pending, 0, __ATOMIC_SEQ_CST);
    }
    pthread_mutex_unlock(&processor->lock);
    if (interrupt == NULL)
        return false;

    if (interrupt->storm >= STORM_RUNS)
        sched_policy->nap(STORM_NAP_US);
    bool again = false;
    if (!interrupt->level || __atomic_load_n(&interrupt->asserted, __ATOMIC_SEQ_CST)) {
        run(processor, interrupt);
        again = still_asserted(interrupt);
    }
    if (again)
        make_pending(interrupt);
    __atomic_store_n(&interrupt->running, 0, __ATOMIC_SEQ_CST); /* and the memory may be gone */
    return true;
}
