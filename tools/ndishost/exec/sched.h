/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * sched.h - virtual processors, the threads, DPCs and interrupts that run on them, waits and time.
 *
 * A *context* is a coroutine with a host stack and a guarded kernel stack. A *thread* is a context that starts at PASSIVE_LEVEL and
 * stays on one processor until it moves itself. ISRs and DPCs run nested, on top of whatever thread is current on their processor, on that
 * processor's own kernel stacks, as on the real machine. A *policy* decides who goes on: free    each processor is a host pthread; devices,
 * networks and time are real; seeded  all processors run on one pthread; one seed decides every switch; time is virtual; a run replays
 * exactly. Both have the same yield points: every export call, every trap, every wait. Nothing outside exec/ may call a pthread primitive
 * that blocks while on a context; short host-internal mutexes that are never held across a yield point are fine.
 *
 * Unless a function says "from any host thread", it must be called on a context.
 */
#ifndef NDISHOST_EXEC_SCHED_H
#define NDISHOST_EXEC_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IRQL_PASSIVE = 0, IRQL_APC = 1, IRQL_DISPATCH = 2, IRQL_DEVICE = 9 /* all device interrupts */, IRQL_HIGH = 15 /* 31 on x86 */ };

/* ---- life ---- */
/* Starts `processor_count` (1..4) processors under the free policy. Returns 0 or an errno. From the main host thread, once. */
int sched_start(unsigned processor_count);

/*
 * Starts them under the seeded policy instead. Everything that happens then follows from the seed, as long as nothing outside depends on
 * the clock, on addresses (replay.h) or on other host threads: devices and networks are agents, descriptors (sched_io_add()) are refused.
 */
enum sched_preempt {
    SCHED_PREEMPT_CALLS,        /* switches at yield points */
    SCHED_PREEMPT_INSTRUCTIONS, /* and between any two instructions of the image; not under valgrind */
};
struct sched_seed_options {
    uint64_t seed;
    enum sched_preempt preempt;
    bool store_buffer;   /* with SCHED_PREEMPT_INSTRUCTIONS: stores of the image reach others late (README, "Store buffer") */
    uint64_t step_limit; /* yield points until the run is declared hung (HOST-HANG); 0: SCHED_STEP_LIMIT */
    uint64_t time_limit; /* virtual time likewise, in units of sched_now(); 0: SCHED_TIME_LIMIT */
};
#define SCHED_STEP_LIMIT UINT64_C(200000000)
#define SCHED_TIME_LIMIT (UINT64_C(24) * 3600 * 10000000) /* a day */
int sched_start_seeded(unsigned processor_count, const struct sched_seed_options *options);
bool sched_is_seeded(void);
/*
 * Limits what a store buffer begins to delay to stores to this memory, say to what devices reach: quicker. Without any range every store
 * is delayed, so that a barrier that is missing between two processors shows, too. Kept until the process ends; at most 8 ranges.
 */
void sched_store_buffer_range(const void *base, size_t size);
/* What the seeded policy did since it was started: two runs with one seed have the same numbers. */
struct sched_seeded_counts {
    uint64_t yield_points, instructions, switches, agent_steps, delayed_stores;
    uint64_t digest; /* of every decision and its time */
};
struct sched_seeded_counts sched_seeded_counts(void);

/* Runs entry(argument) as a thread on processor 0 and returns to the main host thread when it has returned. */
void sched_run(const char *name, void (*entry)(void *argument), void *argument);
/* Stops the processors; every thread must have ended (those that have not are returned as a count and named in the audit). */
unsigned sched_stop(void);

/* The most that image code ever used of one kernel stack, in bytes, and that stack's size: for reports. */
size_t sched_kernel_stack_high_water(size_t *stack_size);

/* The kernel stack that image code runs on at this place: the thread's, or its processor's for DPCs or interrupts. */
void sched_kernel_stack_limits(uintptr_t *low, uintptr_t *high);
/* Runs body(argument) with a kernel stack of that size, for the image code that it calls, instead of the thread's. IRQL: <= APC. */
void sched_kernel_stack_expand(size_t size, void (*body)(void *argument), void *argument);

/* ---- where am I ---- */
unsigned sched_processor_count(void);
unsigned sched_current_processor(void);
bool sched_on_context(void);          /* false on plain host threads (the I/O thread) */
void *sched_current_thread_key(void); /* opaque identity of the current thread, for lock ownership */
uint8_t irql_current(void);

/* ---- IRQL ---- */
/* Raises; returns the old IRQL. Raising to a lower level is violation IRQL-RAISE. */
uint8_t irql_raise(uint8_t irql);
/* Lowers to `irql` and delivers what became deliverable (interrupts, then DPCs). Lowering to a higher level is violation IRQL-LOWER. */
void irql_lower(uint8_t irql);

/* Every export and trap passes here: delivers pending interrupts and DPCs that the IRQL admits; the seeded policy may switch. */
enum yield_cause { YIELD_EXPORT, YIELD_TRAP, YIELD_SPIN, YIELD_CALLBACK_RETURN };
void sched_yield_point(enum yield_cause cause);
/* One turn of a host loop that waits for another processor (spin lock, draining): yields sensibly under both policies. */
void sched_spin(void);

/* ---- threads ---- */
#define SCHED_ANY_PROCESSOR (~0u)
struct sched_thread;
struct sched_thread *sched_thread_start(const char *name, unsigned processor, void (*entry)(void *argument), void *argument);
/* Waits until the thread has returned, and frees it. Every started thread is joined exactly once. IRQL: PASSIVE. */
void sched_thread_join(struct sched_thread *thread);

/*
 * The current thread goes on on that processor, and stays there. At DISPATCH_LEVEL: as soon as the IRQL falls below it. Nothing of the
 * processor that it leaves may be kept over the call.
 */
void sched_thread_move(unsigned processor);

/* ---- events: the one blocking primitive; NT events, NDIS events, sleeps and joins are built on it ---- */
struct sched_event {
    volatile int signalled;
    int automatic; /* a wait that succeeds resets it */
    void *waiters; /* sched.c's */
};
void sched_event_init(struct sched_event *event, bool automatic, bool signalled);
void sched_event_set(struct sched_event *event);   /* from any host thread, any IRQL <= DISPATCH */
void sched_event_reset(struct sched_event *event); /* likewise */
#define SCHED_FOREVER UINT64_MAX
/* Waits until signalled or until the absolute time `deadline` (sched_now()); returns whether it was signalled. IRQL: <= APC. */
bool sched_event_wait(struct sched_event *event, uint64_t deadline);
void sched_sleep_until(uint64_t deadline);

/*
 * What the current thread waits for from now on, for HOST-HANG reports ("the send's completion"); static text, NULL: nothing special.
 * Returns what was said before, to be put back.
 */
const char *sched_wait_reason(const char *what);

/* ---- choices: everything random in the host comes from here, so that it follows the seed ---- */
enum sched_stream {
    SCHED_STREAM_DEVICE,   /* the model device, its faults */
    SCHED_STREAM_NETWORK,  /* what the peer sends */
    SCHED_STREAM_SEND,     /* layouts of frames and batches that are sent */
    SCHED_STREAM_RECEIVE,  /* when and in which order NBLs are returned */
    SCHED_STREAM_DMA,      /* scatter-gather lists: at once or later, how split */
    SCHED_STREAM_SCENARIO, /* what a scenario does next */
    SCHED_STREAM_OTHER,
    SCHED_STREAM_COUNT
};
/* Under `free` the streams begin at a constant; who takes which number depends on the host then. From any host thread. */
uint64_t sched_random(enum sched_stream stream);
uint64_t sched_random_below(enum sched_stream stream, uint64_t limit); /* 0..limit-1 */

/* ---- time: 100 ns units since the machine started; "system time" adds a fixed epoch ---- */
uint64_t sched_now(void);                /* from any host thread; monotonic */
uint64_t sched_system_time(void);        /* 100 ns since 1601 */
void sched_stall(uint32_t microseconds); /* busy: KeStallExecutionProcessor */
void sched_clock_jump(uint64_t delta);   /* the clock goes ahead, as after a pause of the virtual machine; from any host thread */
uint64_t sched_run_time(void);           /* sched_now() without what was jumped over: to judge how long something took */

/* ---- DPCs ---- */
struct sched_dpc {
    void (*routine)(struct sched_dpc *dpc); /* runs at DISPATCH_LEVEL on the processor's DPC stack */
    void *context;
    void *queue_link; /* sched.c's from here */
    volatile int queued;
    unsigned processor;
};
/* Queues on `processor` (SCHED_ANY_PROCESSOR: the current one, or 0); false if it was queued already. From any host thread, any IRQL. */
bool sched_dpc_queue(struct sched_dpc *dpc, unsigned processor);
/* Removes a DPC that has not started; true if it was removed. */
bool sched_dpc_remove(struct sched_dpc *dpc);
/* Returns when every DPC that was queued or running on any processor has finished (KeFlushQueuedDpcs). IRQL: PASSIVE. */
void sched_dpc_flush(void);

/* ---- timers: at the due time the DPC is queued ---- */
struct sched_timer {
    struct sched_dpc *dpc;
    uint64_t due;    /* absolute */
    uint64_t period; /* 0: one shot */
    void *link;      /* sched.c's */
    int armed;
};
bool sched_timer_set(struct sched_timer *timer, uint64_t due, uint64_t period, struct sched_dpc *dpc); /* true: it was armed already */
bool sched_timer_cancel(struct sched_timer *timer);                                                    /* true: it was armed */

/* ---- interrupts ---- */
/*
 * An interrupt source. For an edge (message) source each sched_interrupt_raise() causes at least one run of the routine after it; for
 * a level (line) source the routine runs again as long as the level stays asserted. The routine runs at IRQL_DEVICE under `lock`
 * on `processor`; it is where the NDIS layer calls MiniportInterrupt / MiniportMessageInterrupt.
 */
struct sched_interrupt {
    void (*routine)(struct sched_interrupt *interrupt);
    void *context;
    unsigned processor;
    bool level;
    volatile int pending; /* sched.c's from here */
    volatile int asserted;
    volatile int connected;
    volatile int running;
    void *lock_owner;
    void *link;
    unsigned storm; /* runs in a row that left the level asserted */
};
void sched_interrupt_connect(struct sched_interrupt *interrupt);
/* Returns when the routine is not running and will not run again. IRQL: PASSIVE. */
void sched_interrupt_disconnect(struct sched_interrupt *interrupt);
void sched_interrupt_raise(struct sched_interrupt *interrupt);                 /* edge; from any host thread */
void sched_interrupt_set_level(struct sched_interrupt *interrupt, bool level); /* level; from any host thread */
/* Runs routine(context) at IRQL_DEVICE with the source's lock held, excluding its routine on every processor. */
bool sched_interrupt_synchronize(struct sched_interrupt *interrupt, bool (*routine)(void *context), void *context);

/* ---- agents: what acts by itself beside the processors, in small steps (a device, a network) ---- */
/*
 * Under `free` each agent has a host thread that calls step() until it says false, and then waits to be woken; under `seeded` the seed
 * decides before which yield point a woken agent takes its next step. A step is short, never blocks, never calls the image; it may
 * raise interrupts, set events, queue DPCs and wake agents. It is not on a context, under either policy.
 * Agents may exist before the machine is started and after it is stopped: under `free` they act then too, under `seeded` only while
 * processors run. An agent is not removed from within its own step.
 */
struct sched_agent {
    bool (*step)(struct sched_agent *agent); /* does one thing; false: there was nothing to do */
    const char *name;
    void *context;
    void *state; /* sched's */
};
void sched_agent_add(struct sched_agent *sched);    /* from any host thread; starts asleep */
void sched_agent_wake(struct sched_agent *sched);   /* from any host thread, any IRQL; a wake during a step causes another step */
void sched_agent_remove(struct sched_agent *sched); /* when it returns, step() is not running and will not run */

/* ---- host I/O: one host thread polls descriptors and calls back; callbacks must be short, never block, never call the image ---- */
/* Of the free policy only: adding one under `seeded` ends the program. */
struct sched_io {
    int fd;
    void (*ready)(struct sched_io *io); /* on the I/O thread; the descriptor is disarmed until sched_io_arm() */
    void *context;
};
void sched_io_add(struct sched_io *io); /* armed; from any host thread */
void sched_io_arm(struct sched_io *io);
void sched_io_remove(struct sched_io *io); /* when it returns, ready() is not running and will not run */

#endif
