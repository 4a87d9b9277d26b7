/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * processor.h - a virtual processor and the scheduler's policy: what the files of exec/ share with each other and nobody else.
 *
 * Locks, in the order in which they may be taken: the timers' lock, the waits' lock, a processor's lock. None is held across a
 * yield point or while image code runs.
 */
#ifndef NDISHOST_EXEC_PROCESSOR_H
#define NDISHOST_EXEC_PROCESSOR_H

#include "call.h"
#include "context.h"
#include "sched.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <semaphore.h>

#define PROCESSOR_LIMIT 4

/* What wants the processor's attention; a bit is set exactly while its queue is not empty (under the processor's lock). */
enum {
    ATTENTION_INTERRUPT = 1,
    ATTENTION_DPC = 2,
    ATTENTION_READY = 4,
    ATTENTION_STOP = 8,
    ATTENTION_POLICY = 16, /* always set under `seeded`: its policy decides at each yield point */
};

#define HISTORY_LENGTH 16 /* a power of two */
struct call_record {
    const char *name;
    uintptr_t return_address;
    uint8_t irql;
};

struct sched_thread {
    struct context context; /* first: the current context of a processor that runs a thread is the thread */
    const char *name;
    void (*entry)(void *argument);
    void *argument;
    struct processor *processor;
    struct sched_thread *next_ready;
    struct sched_thread *next, *previous; /* all threads */
    struct sched_event done;
    const char *wait_reason;     /* sched_wait_reason() */
    struct sched_event *waiting; /* what it is blocked on */
    uint64_t wait_deadline;
    struct processor *wanted; /* sched_thread_move() at DISPATCH_LEVEL: where to go when the IRQL falls; else NULL */
    sem_t *host_done;         /* posted too when set: sched_run() */
};

struct processor {
    unsigned number;
    uint8_t irql;
    _Atomic uint32_t attention;
    uint32_t held; /* seeded: what is not attended to for now, whatever the IRQL */
    _Atomic uint32_t sleeping;
    struct context *current;
    struct context idle; /* the host thread's own stack, no kernel stack */
    struct guarded_stack dpc_stack, interrupt_stack;
    struct sched_thread *moving; /* made ready elsewhere by the idle context, likewise */
    struct sched_thread *exited; /* its end is announced by the idle context, once nobody is on its stack */
    uint64_t slice_start;

    pthread_mutex_t lock; /* guards the queues */
    struct sched_interrupt *interrupt_first, *interrupt_last;
    struct sched_dpc *dpc_first, *dpc_last;
    bool dpc_own; /* one in the queue was queued by the processor itself: no interrupt of another has to arrive first */
    struct sched_thread *ready_first, *ready_last;

    struct call_record history[HISTORY_LENGTH];
    unsigned history_next;

    pthread_t host_thread;
    struct trap_frame *trap_in_progress; /* seeded: while another processor runs */
};

extern struct processor processors[PROCESSOR_LIMIT];
extern unsigned processor_count;
/* The processor that this host thread acts for now; NULL on plain host threads. */
extern __thread struct processor *processor_current;

/* For each IRQL what may be attended to. */
static inline uint32_t attention_admitted(uint8_t irql)
{
    if (irql >= IRQL_DEVICE)
        return 0;
    if (irql >= IRQL_DISPATCH)
        return ATTENTION_INTERRUPT;
    return ATTENTION_INTERRUPT | ATTENTION_DPC;
}

/* An agent as the scheduler sees it; in the list of all agents, oldest first. */
struct agent {
    struct sched_agent *sched;
    struct agent *next;
    _Atomic uint32_t wanted;            /* somebody woke it since it was last seen asleep */
    _Atomic uint32_t sleeping, leaving; /* free: the host thread's state */
    pthread_t host_thread;
};

/* The frame of a trap whose instruction the host performs at present, NULL otherwise: a fault then is the image's. */
extern __thread struct trap_frame *trap_in_progress;

/* A policy decides who goes on. All functions are called with no lock held. */
struct sched_policy {
    const char *name;
    int (*start)(void);                        /* brings the processors to life; an errno */
    void (*stop)(void);                        /* every processor has ATTENTION_STOP set: returns when none runs */
    void (*wait_for_thread)(sem_t *done);      /* on the main host thread: until it is posted */
    void (*wake)(struct processor *processor); /* attention was set, by any host thread */
    void (*idle)(struct processor *processor); /* returns when attention is not 0; spurious returns are fine */
    void (*spin)(void);                        /* one turn of a busy wait */
    void (*nap)(uint32_t microseconds);        /* an interrupt storm is slowed down */
    uint64_t (*now)(void);
    uint64_t (*run_time)(void); /* now() without the jumps */
    void (*clock_jump)(uint64_t delta);
    void (*timers_changed)(uint64_t earliest); /* the earliest due time changed; under the timers' lock */
    int (*agent_enter)(struct agent *agent);   /* from now on the policy lets it step; an errno */
    void (*agent_leave)(struct agent *agent);  /* when it returns, step() is not running and will not run */
    void (*agent_wake)(struct agent *agent);   /* `wanted` has just become 1 */

    /* Of the seeded policy only; NULL: what is usual. */
    void (*yield)(struct processor *processor, enum yield_cause cause); /* with ATTENTION_POLICY */
    void (*stall)(uint64_t end);                                        /* busy until then */
    unsigned (*choose_ready)(unsigned count);                           /* which of so many ready threads goes on */
    unsigned (*timer_processor)(void);                                  /* where the DPC of a timer runs */
    void (*host_told)(void);                                            /* the thread that the main host thread waits for has ended */
};
extern const struct sched_policy *sched_policy;
extern const struct sched_policy sched_policy_free, sched_policy_seeded;

/* ---- sched.c ---- */
/* What a processor does for ever, on its idle context; returns on ATTENTION_STOP. */
void processor_loop(struct processor *processor);
/* Delivers interrupts, then DPCs, as long as the IRQL admits any. */
void processor_deliver(struct processor *processor);
/* The current thread gives up its processor until thread_make_ready() was called for it. */
void thread_block(void);
void thread_make_ready(struct sched_thread *thread);
extern struct sched_thread *threads; /* all; for hang.c, when nobody else runs */
/* Before starting a host thread that runs contexts or agents, which must not handle signals. Returns the mask to go back to. */
sigset_t block_asynchronous_signals(void);
struct sched_thread *thread_current(void);                     /* NULL on an idle context or off context */
void attention_set(struct processor *processor, uint32_t bit); /* under the processor's lock */

/* ---- interrupt.c, dpc.c ---- */
bool interrupt_run_next(struct processor *processor); /* false: none was pending */
bool dpc_run_next(struct processor *processor);

/* ---- timer.c: also used for the time limits of waits: dpc NULL, link the waiter ---- */
void timers_expire(uint64_t now);
uint64_t timers_earliest(void);                 /* SCHED_FOREVER: none */
void wait_timed_out(struct sched_timer *timer); /* event.c; under the timers' lock */

/* ---- agent.c ---- */
extern struct agent *agents; /* read by the seeded policy alone, which has one host thread */
/* Hands every agent over to another policy. */
int agents_move(const struct sched_policy *from, const struct sched_policy *to);

/* ---- sched_seeded.c ---- */
int seeded_prepare(const struct sched_seed_options *wanted); /* an errno */

/* ---- random.c ---- */
void streams_start(uint64_t seed);

/* ---- hang.c ---- */
/* Nothing will ever go on: says who waits for what, and ends the run. */
_Noreturn void hang_report(const char *why);

/* ---- io.c ---- */
bool io_in_use(void);
int io_thread_start(void);
void io_thread_stop(void);
void io_thread_set_timer(uint64_t due_nanoseconds); /* CLOCK_MONOTONIC; 0: none */

/* ---- call.c ---- */
void call_history_print(void (*print)(const char *line)); /* the last exports called on this processor */
void call_stack_print(void (*print)(const char *line));   /* the callbacks in progress on this context */

/* Exports and callbacks in progress on a context that does not run; innermost first. */
void call_context_print(const struct context *context, void (*print)(const char *line));

/* ---- trap_report.c ---- */
void trap_print_line(const char *line);
const char *describe_address(uintptr_t address, char *buffer, size_t size);
const char *describe_mapping(uintptr_t address, char *buffer, size_t size); /* what the process has there, in words */
/* ---- trap.c ---- */
void trap_processor_enter(void); /* gives the host thread of a processor its signal stack */
void trap_processor_leave(void);

#endif
