/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* sched.c - life of the machine, IRQL, yield points, and the threads of each processor. */
#include "sched.h"

#include "processor.h"
#include "rules/rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 2 ms, in 100 ns units: after this a thread that calls exports lets another one run. */
#define SLICE 20000u

struct processor processors[PROCESSOR_LIMIT];
unsigned processor_count;
__thread struct processor *processor_current;
const struct sched_policy *sched_policy = &sched_policy_free;

static pthread_mutex_t threads_lock = PTHREAD_MUTEX_INITIALIZER;
struct sched_thread *threads;
static unsigned next_processor;
static size_t high_water_of_ended;

static _Noreturn void misuse(const char *what)
{
    fprintf(stderr, "ndishost: %s\n", what);
    abort();
}

/* ---- where am I ---- */

/* Not inlined: a context that was switched away must not go on with a thread-local address computed before. */
__attribute__((noinline)) static struct processor *here(void)
{
    return processor_current;
}

struct sched_thread *thread_current(void)
{
    struct processor *processor = here();
    if (processor == NULL || processor->current == &processor->idle)
        return NULL;
    return (struct sched_thread *)processor->current;
}

const char *sched_wait_reason(const char *what)
{
    struct sched_thread *thread = thread_current();
    if (thread == NULL)
        return NULL;
    const char *before = thread->wait_reason;
    thread->wait_reason = what;
    return before;
}

unsigned sched_processor_count(void)
{
    return processor_count;
}

unsigned sched_current_processor(void)
{
    struct processor *processor = here();
    return processor != NULL ? processor->number : 0;
}

bool sched_on_context(void)
{
    return here() != NULL;
}

void *sched_current_thread_key(void)
{
    struct processor *processor = here();
    return processor != NULL ? processor->current : NULL;
}

uint8_t irql_current(void)
{
    struct processor *processor = here();
    return processor != NULL ? processor->irql : IRQL_PASSIVE;
}

uint64_t sched_now(void)
{
    return sched_policy->now();
}

void sched_clock_jump(uint64_t delta)
{
    sched_policy->clock_jump(delta);
}

uint64_t sched_run_time(void)
{
    return sched_policy->run_time();
}

uint64_t sched_system_time(void)
{
    /* 2011-02-22 00:00 UTC, the day Windows 7 SP1 was released. */
    return UINT64_C(129428064000000000) + sched_now();
}

/* ---- attention ---- */

void attention_set(struct processor *processor, uint32_t bit)
{
    atomic_fetch_or(&processor->attention, bit);
}

void processor_deliver(struct processor *processor)
{
    for (;;) {
        uint32_t wanted = atomic_load(&processor->attention) & attention_admitted(processor->irql) & ~processor->held;
        if (wanted & ATTENTION_INTERRUPT)
            interrupt_run_next(processor);
        else if (wanted & ATTENTION_DPC)
            dpc_run_next(processor);
        else
            break;
    }
}

static void thread_follow_wish(void);

/* ---- IRQL ---- */

uint8_t irql_raise(uint8_t irql)
{
    struct processor *processor = here();
    uint8_t old = processor->irql;
    if (irql < old)
        rule_violated("IRQL-RAISE", NULL, "raising from IRQL %u to the lower %u", old, irql);
    processor->irql = irql;
    return old;
}

void irql_lower(uint8_t irql)
{
    struct processor *processor = here();
    if (irql > processor->irql)
        rule_violated("IRQL-LOWER", NULL, "lowering from IRQL %u to the higher %u", processor->irql, irql);
    processor->irql = irql;
    if (atomic_load_explicit(&processor->attention, memory_order_relaxed) & attention_admitted(irql))
        processor_deliver(processor);
    if (irql < IRQL_DISPATCH)
        thread_follow_wish();
}

/* ---- threads ---- */

void thread_make_ready(struct sched_thread *thread)
{
    struct processor *processor = thread->processor;
    pthread_mutex_lock(&processor->lock);
    thread->next_ready = NULL;
    if (processor->ready_last != NULL)
        processor->ready_last->next_ready = thread;
    else
        processor->ready_first = thread;
    processor->ready_last = thread;
    attention_set(processor, ATTENTION_READY);
    pthread_mutex_unlock(&processor->lock);
    sched_policy->wake(processor);
}

static unsigned ready_count(const struct processor *processor)
{
    unsigned count = 0;
    for (const struct sched_thread *thread = processor->ready_first; thread != NULL; thread = thread->next_ready)
        count++;
    return count;
}

static struct sched_thread *ready_pop(struct processor *processor)
{
    pthread_mutex_lock(&processor->lock);
    struct sched_thread *previous = NULL, *thread = processor->ready_first;
    if (thread != NULL) {
        if (sched_policy->choose_ready != NULL)
            for (unsigned skip = sched_policy->choose_ready(ready_count(processor)); skip > 0; skip--) {
                previous = thread;
                thread = thread->next_ready;
            }
        if (previous != NULL)
            previous->next_ready = thread->next_ready;
        else
            processor->ready_first = thread->next_ready;
        if (processor->ready_last == thread)
            processor->ready_last = previous;
        if (processor->ready_first == NULL)
            atomic_fetch_and(&processor->attention, ~(uint32_t)ATTENTION_READY);
    }
    pthread_mutex_unlock(&processor->lock);
    return thread;
}

/* Behind a switch: the thread may be on another processor than before, whose thread-local addresses are not the old ones. */
__attribute__((noinline)) static void resume(uint8_t irql, struct trap_frame *trap)
{
    trap_in_progress = trap;
    processor_current->irql = irql;
}

/* Leaves the current context of `processor` for `next`; returns when somebody switches back. */
static void context_switch(struct processor *processor, struct context *next)
{
    struct context *self = processor->current;
    uint8_t irql = processor->irql;
    struct trap_frame *trap = trap_in_progress;
    trap_in_progress = NULL;
    processor->current = next;
    context_current = next;
    processor->irql = IRQL_PASSIVE;
    processor->slice_start = sched_now();
    context_switch_stack(&self->resume_sp, next->resume_sp);
    resume(irql, trap);
}

void thread_block(void)
{
    struct processor *processor = here();
    processor_deliver(processor);
    struct sched_thread *next = ready_pop(processor);
    if (next == (struct sched_thread *)processor->current)
        return;
    context_switch(processor, next != NULL ? &next->context : &processor->idle);
}

static void slice_end(struct processor *processor)
{
    struct sched_thread *self = thread_current();
    if (self == NULL || sched_now() - processor->slice_start < SLICE)
        return;
    thread_make_ready(self);
    thread_block();
}

void sched_yield_point(enum yield_cause cause)
{
    struct processor *processor = here();
    uint32_t attention = atomic_load_explicit(&processor->attention, memory_order_relaxed);
    if (attention == 0)
        return;
    if (attention & ATTENTION_POLICY) {
        sched_policy->yield(processor, cause);
        return;
    }
    if (attention & attention_admitted(processor->irql))
        processor_deliver(processor);
    if ((attention & ATTENTION_READY) && processor->irql == IRQL_PASSIVE && cause == YIELD_EXPORT)
        slice_end(processor);
}

void sched_spin(void)
{
    if (here() != NULL)
        sched_yield_point(YIELD_SPIN);
    sched_policy->spin();
}

void sched_stall(uint32_t microseconds)
{
    uint64_t end = sched_now() + (uint64_t)microseconds * 10;
    if (sched_policy->stall != NULL) {
        sched_policy->stall(end);
        return;
    }
    do {
        if (here() != NULL)
            sched_yield_point(YIELD_SPIN);
    } while (sched_now() < end);
}

/* ---- from processor to processor ---- */

/* Nobody may run the thread before it has left its stack here: the idle context hands it over. */
static void thread_move(struct sched_thread *self, struct processor *to)
{
    struct processor *from = here();
    self->wanted = NULL;
    if (from == to)
        return;
    from->moving = self;
    self->processor = to;
    context_switch(from, &from->idle);
}

static void thread_follow_wish(void)
{
    struct sched_thread *self = thread_current();
    if (self != NULL && self->wanted != NULL)
        thread_move(self, self->wanted);
}

void sched_thread_move(unsigned processor)
{
    struct sched_thread *self = thread_current();
    if (self == NULL || processor >= processor_count)
        misuse("a thread was moved to a processor that does not exist");
    if (irql_current() < IRQL_DISPATCH)
        thread_move(self, &processors[processor]);
    else
        self->wanted = &processors[processor];
}

static _Noreturn void thread_main(void)
{
    struct sched_thread *self = thread_current();
    self->entry(self->argument);
    struct processor *processor = here(); /* it may have moved */
    if (processor->irql != IRQL_PASSIVE) {
        rule_violated("IRQL-30", NULL, "thread %s ended at IRQL %u", self->name, processor->irql);
        irql_lower(IRQL_PASSIVE);
    }
    processor->exited = self;
    context_switch(processor, &processor->idle);
    misuse("a thread went on after its end");
}

static struct sched_thread *thread_start(const char *name, unsigned processor, void (*entry)(void *argument), void *argument,
                                         sem_t *host_done)
{
    if (processor_count == 0 || (processor != SCHED_ANY_PROCESSOR && processor >= processor_count))
        misuse("a thread was started on a processor that does not exist");
    struct sched_thread *thread = calloc(1, sizeof(*thread));
    if (thread == NULL)
        misuse("no memory for a thread");
    context_create(&thread->context, thread_main);
    thread->name = name;
    thread->entry = entry;
    thread->argument = argument;
    thread->host_done = host_done;
    sched_event_init(&thread->done, false, false);

    pthread_mutex_lock(&threads_lock);
    if (processor == SCHED_ANY_PROCESSOR)
        processor = next_processor++ % processor_count;
    thread->processor = &processors[processor];
    thread->next = threads;
    if (threads != NULL)
        threads->previous = thread;
    threads = thread;
    pthread_mutex_unlock(&threads_lock);

    thread_make_ready(thread);
    return thread;
}

struct sched_thread *sched_thread_start(const char *name, unsigned processor, void (*entry)(void *argument), void *argument)
{
    return thread_start(name, processor, entry, argument, NULL);
}

static void thread_free(struct sched_thread *thread)
{
    size_t used = guarded_stack_high_water(&thread->context.kernel);
    pthread_mutex_lock(&threads_lock);
    if (used > high_water_of_ended)
        high_water_of_ended = used;
    if (thread->previous != NULL)
        thread->previous->next = thread->next;
    else
        threads = thread->next;
    if (thread->next != NULL)
        thread->next->previous = thread->previous;
    pthread_mutex_unlock(&threads_lock);
    context_release(&thread->context);
    free(thread);
}

void sched_thread_join(struct sched_thread *thread)
{
    const char *before = sched_wait_reason(thread->name);
    sched_event_wait(&thread->done, SCHED_FOREVER);
    sched_wait_reason(before);
    thread_free(thread);
}

size_t sched_kernel_stack_high_water(size_t *stack_size)
{
    if (stack_size != NULL)
        *stack_size = KERNEL_STACK_SIZE;
    pthread_mutex_lock(&threads_lock);
    size_t most = high_water_of_ended;
    for (struct sched_thread *thread = threads; thread != NULL; thread = thread->next) {
        size_t used = guarded_stack_high_water(&thread->context.kernel);
        most = used > most ? used : most;
    }
    for (unsigned i = 0; i < processor_count; i++) {
        size_t dpc = guarded_stack_high_water(&processors[i].dpc_stack);
        size_t interrupt = guarded_stack_high_water(&processors[i].interrupt_stack);
        most = dpc > most ? dpc : most;
        most = interrupt > most ? interrupt : most;
    }
    pthread_mutex_unlock(&threads_lock);
    return most;
}

/* ---- processors ---- */

static void thread_announce_end(struct processor *processor)
{
    struct sched_thread *thread = processor->exited;
    processor->exited = NULL;
    /* Whoever waits may free the thread as soon as it is told: tell once, last. */
    if (thread->host_done == NULL) {
        sched_event_set(&thread->done);
        return;
    }
    sem_post(thread->host_done);
    if (sched_policy->host_told != NULL)
        sched_policy->host_told();
}

void processor_loop(struct processor *processor)
{
    processor->current = &processor->idle;
    processor_current = processor;
    context_current = &processor->idle;
    for (;;) {
        processor_deliver(processor);
        struct sched_thread *thread = ready_pop(processor);
        if (thread != NULL) {
            context_switch(processor, &thread->context);
            if (processor->moving != NULL) {
                thread = processor->moving;
                processor->moving = NULL;
                thread_make_ready(thread);
            }
            if (processor->exited != NULL)
                thread_announce_end(processor);
        } else if (atomic_load(&processor->attention) & ATTENTION_STOP) {
            break;
        } else {
            sched_policy->idle(processor);
        }
    }
    context_current = NULL;
    processor_current = NULL;
}

static int start(unsigned count, const struct sched_policy *policy)
{
    if (count < 1 || count > PROCESSOR_LIMIT || processor_count != 0)
        return EINVAL;
    if (policy != sched_policy) {
        int error = agents_move(sched_policy, policy);
        if (error != 0)
            return error;
        sched_policy = policy;
    }
    next_processor = 0;
    for (unsigned i = 0; i < count; i++) {
        struct processor *processor = &processors[i];
        memset(processor, 0, sizeof(*processor));
        processor->number = i;
        processor->current = &processor->idle;
        pthread_mutex_init(&processor->lock, NULL);
        guarded_stack_create(&processor->dpc_stack, KERNEL_STACK_SIZE, true);
        guarded_stack_create(&processor->interrupt_stack, KERNEL_STACK_SIZE, true);
    }
    processor_count = count;
    int error = sched_policy->start();
    if (error != 0)
        sched_stop();
    return error;
}

/* Asynchronous signals must not be handled on a kernel stack: they go to the main thread. */
sigset_t block_asynchronous_signals(void)
{
    sigset_t all, before;
    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGILL);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGTRAP);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    return before;
}

int sched_start(unsigned count)
{
    return start(count, &sched_policy_free);
}

int sched_start_seeded(unsigned count, const struct sched_seed_options *options)
{
    if (io_in_use())
        return EBUSY;
    if (processor_count != 0)
        return EINVAL;
    int error = seeded_prepare(options);
    return error != 0 ? error : start(count, &sched_policy_seeded);
}

bool sched_is_seeded(void)
{
    return sched_policy == &sched_policy_seeded;
}

void sched_run(const char *name, void (*entry)(void *argument), void *argument)
{
    if (here() != NULL || processor_count == 0)
        misuse("sched_run() is called from the main host thread, between sched_start() and sched_stop()");
    sem_t done;
    sem_init(&done, 0, 0);
    struct sched_thread *thread = thread_start(name, 0, entry, argument, &done);
    sched_policy->wait_for_thread(&done);
    sem_destroy(&done);
    thread_free(thread);
}

unsigned sched_stop(void)
{
    for (unsigned i = 0; i < processor_count; i++) {
        pthread_mutex_lock(&processors[i].lock);
        attention_set(&processors[i], ATTENTION_STOP);
        pthread_mutex_unlock(&processors[i].lock);
        sched_policy->wake(&processors[i]);
    }
    sched_policy->stop();

    unsigned left = 0;
    while (threads != NULL) {
        fprintf(stderr, "ndishost: thread %s has not ended\n", threads->name);
        thread_free(threads);
        left++;
    }
    for (unsigned i = 0; i < processor_count; i++) {
        struct processor *processor = &processors[i];
        size_t dpc = guarded_stack_high_water(&processor->dpc_stack);
        size_t interrupt = guarded_stack_high_water(&processor->interrupt_stack);
        size_t most = dpc > interrupt ? dpc : interrupt;
        high_water_of_ended = most > high_water_of_ended ? most : high_water_of_ended;
        guarded_stack_release(&processor->dpc_stack);
        guarded_stack_release(&processor->interrupt_stack);
        pthread_mutex_destroy(&processor->lock);
    }
    processor_count = 0;
    return left;
}
