/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * sched_seeded.c - the seeded policy: all processors on one host thread, which goes on while the main host thread waits and the other way
 * round. At each yield point the seed decides; time is a counter.
 *
 * What it never does is what no machine can do: a DPC that its own processor queued runs before code below DISPATCH_LEVEL goes on there;
 * an interrupt, the DPC of another processor and a device may be late, but never for ever.
 */
#include "sched_seeded.h"

#include "character.h"
#include "processor.h"
#include "random.h"
#include "rules/rules.h"
#include "step.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define HOST_STACK (1024u * 1024u)
/* What is pending waits for at most so many yield points: of its processor, or of the machine. */
#define DELIVERY_LIMIT 48u
/* So many deliveries without a step of the thread below them: from then on devices are slow, as no real one is endlessly faster than
 * the processor that it interrupts. */
#define DELIVERIES_IN_A_ROW 512u
#define AGENT_LIMIT_STARVED 4096u
#define AGENT_LIMIT         512u
/*
 * A device that is quick beside its processor can interrupt in every DPC, and no thread ever goes on there. After so many yield points
 * without one its interrupts are held back: until threads had some yield points, or this many passed in vain.
 */
#define RAISED_LIMIT 2000u
#define HELD_LIMIT   4000u
#define QUIET_LIMIT  256u
/* Only a timer that is due within 50 ms expires before its time: those that bound how long others may take are no toys. */
#define EARLY_TIMER_REACH UINT64_C(500000)
/* After so many turns of busy waits with nothing between them, only time can help. */
#define IDLE_SPINS     64u
#define SPIN_TIME_STEP UINT64_C(100000) /* 10 ms */

/* The most that the clock advances between two instructions, 100 ns: a processor is slow, but timers do not run out within a few of them.
 */
#define INSTRUCTION_TIME 10u

static struct sched_seed_options options;
static struct character character;
static struct random choices;
static uint64_t clock_now, jumped_over, next_due = SCHED_FOREVER, clock_limit;
static struct sched_seeded_counts counts;
static unsigned agent_delay, spins;

/* Of each processor, beside what every policy knows. */
static struct place {
    bool finished;    /* its loop has ended */
    bool idle;        /* it waits for attention */
    unsigned delayed; /* yield points that passed while something was pending */
    unsigned row;     /* deliveries since the thread took a step, or the processor was idle */
    unsigned priority;
    unsigned raised; /* yield points at DISPATCH_LEVEL or above since the last one below */
    unsigned quiet;  /* yield points below it until interrupts are no longer held back */
} places[PROCESSOR_LIMIT];
static unsigned lowest_priority;

/* ---- choices ---- */

static bool chance(uint32_t of_unit)
{
    return of_unit != 0 && (of_unit >= CHANCE_UNIT || random_below(&choices, CHANCE_UNIT) < of_unit);
}

static void note(unsigned what, uint64_t value)
{
    counts.digest = (counts.digest ^ (value << 4 | what) ^ clock_now << 32) * UINT64_C(0x100000001b3);
    counts.digest ^= counts.digest >> 29;
}
enum { NOTE_SWITCH = 1, NOTE_AGENT, NOTE_DELIVERY, NOTE_TIME, NOTE_THREAD, NOTE_HELD };

uint32_t seeded_choose(uint32_t limit)
{
    return (uint32_t)random_below(&choices, limit);
}

const struct character *seeded_character(void)
{
    return &character;
}

uint64_t seeded_progress(void)
{
    return __atomic_load_n(&counts.yield_points, __ATOMIC_RELAXED);
}

struct sched_seeded_counts sched_seeded_counts(void)
{
    struct sched_seeded_counts result = counts;
    step_count(&result);
    return result;
}

/* ---- time ---- */

static uint64_t seeded_now(void)
{
    return clock_now;
}

static uint64_t seeded_run_time(void)
{
    return clock_now - jumped_over;
}

static void seeded_timers_changed(uint64_t earliest)
{
    next_due = earliest;
}

static void time_goes_to(uint64_t now)
{
    if (now > clock_now)
        clock_now = now;
    if (clock_now >= next_due) {
        note(NOTE_TIME, 0);
        timers_expire(clock_now);
    }
}

static void seeded_clock_jump(uint64_t delta)
{
    clock_limit += delta;
    jumped_over += delta;
    time_goes_to(clock_now + delta);
}

static void seeded_nap(uint32_t microseconds)
{
    time_goes_to(clock_now + (uint64_t)microseconds * 10);
}

static unsigned seeded_timer_processor(void)
{
    return seeded_choose(processor_count);
}

static void count_step(void)
{
    if (++counts.yield_points >= options.step_limit)
        hang_report("no end after the limit of yield points");
    if (clock_now >= clock_limit)
        hang_report("no end after the limit of virtual time");
}

/* ---- agents ---- */

static struct agent *agent_choose(void)
{
    unsigned count = 0;
    for (struct agent *agent = agents; agent != NULL; agent = agent->next)
        count += atomic_load(&agent->wanted) != 0;
    if (count == 0)
        return NULL;
    unsigned choice = count > 1 ? seeded_choose(count) : 0;
    for (struct agent *agent = agents;; agent = agent->next)
        if (atomic_load(&agent->wanted) && choice-- == 0)
            return agent;
}

/* It is no processor, and sees memory as the device does. */
static void agent_step(struct agent *agent)
{
    struct processor *processor = processor_current;
    struct context *context = context_current;
    struct trap_frame *trap = trap_in_progress;
    note(NOTE_AGENT, counts.agent_steps++);
    store_buffer_hide(processor);
    processor_current = NULL;
    context_current = NULL;
    trap_in_progress = NULL;
    atomic_store(&agent->wanted, 0);
    if (agent->sched->step(agent->sched))
        atomic_store(&agent->wanted, 1);
    processor_current = processor;
    context_current = context;
    trap_in_progress = trap;
    store_buffer_show(processor);
    agent_delay = 0;
    spins = 0;
}

/* False: every agent is asleep. */
static bool agent_step_any(void)
{
    struct agent *agent = agent_choose();
    if (agent != NULL)
        agent_step(agent);
    return agent != NULL;
}

static bool a_thread_starves(void)
{
    for (unsigned i = 0; i < processor_count; i++)
        if (places[i].row > DELIVERIES_IN_A_ROW)
            return true;
    return false;
}

static void agents_at_yield_point(void)
{
    if (agents == NULL)
        return;
    if (a_thread_starves()) {
        if (++agent_delay < AGENT_LIMIT_STARVED)
            return;
    } else if (!chance(character.agent) && ++agent_delay < AGENT_LIMIT) {
        return;
    }
    agent_delay = 0;
    agent_step_any();
}

static int seeded_agent_enter(struct agent *agent)
{
    (void)agent;
    return 0;
}

static void seeded_agent_leave(struct agent *agent)
{
    (void)agent;
}

/* ---- processors ---- */

static uintptr_t base_sp; /* the host thread's own stack, while processors run */
static struct processor *paused;

static bool is_runnable(const struct processor *processor)
{
    const struct place *place = &places[processor->number];
    if (place->finished)
        return false;
    return !place->idle || (atomic_load(&processor->attention) & ~(uint32_t)ATTENTION_POLICY) != 0;
}

/* Another one that can go on, or NULL. */
static struct processor *processor_choose(const struct processor *self)
{
    struct processor *candidates[PROCESSOR_LIMIT], *best = NULL;
    unsigned count = 0;
    for (unsigned i = 0; i < processor_count; i++) {
        struct processor *each = &processors[i];
        if (each == self || !is_runnable(each))
            continue;
        candidates[count++] = each;
        if (best == NULL || places[i].priority > places[best->number].priority)
            best = each;
    }
    if (count <= 1 || character.priorities)
        return best;
    struct processor *choice = candidates[seeded_choose(count)];
    if (choice->number == character.starved && !chance(CHANCE_UNIT / 64))
        choice = candidates[seeded_choose(count)];
    return choice;
}

static void processor_enter(struct processor *processor)
{
    processor_current = processor;
    context_current = processor->current;
    trap_in_progress = processor->trap_in_progress;
}

static void processor_leave(struct processor *processor)
{
    processor->trap_in_progress = trap_in_progress;
    store_buffer_hide(processor);
}

/* Returns when somebody switches back. */
static void switch_to(struct processor *self, struct processor *next)
{
    counts.switches++;
    note(NOTE_SWITCH, next->number);
    processor_leave(self);
    processor_enter(next);
    context_switch_stack(&self->current->resume_sp, next->current->resume_sp);
    store_buffer_show(self);
}

/* Back to the main host thread. Returns when it lets the processors go on. */
static void seeded_host_told(void)
{
    struct processor *self = processor_current;
    paused = self;
    processor_leave(self);
    context_switch_stack(&self->current->resume_sp, base_sp);
    store_buffer_show(self);
}

static void priority_lower(struct processor *processor)
{
    places[processor->number].priority = --lowest_priority;
}

/* Whether `self` makes way at this yield point, and for whom. */
static struct processor *processor_preempting(struct processor *self, uint32_t usual_chance)
{
    if (processor_count == 1)
        return NULL;
    if (character.priorities) {
        if (random_below(&choices, character.priority_change) == 0)
            priority_lower(self);
        struct processor *other = processor_choose(self);
        return other != NULL && places[other->number].priority > places[self->number].priority ? other : NULL;
    }
    if (self->number == character.starved)
        usual_chance = CHANCE_UNIT * 7 / 8;
    return chance(usual_chance) ? processor_choose(self) : NULL;
}

/* A busy wait makes way in any case. */
static void processor_spins(struct processor *self)
{
    priority_lower(self);
    struct processor *other = processor_choose(self);
    if (++spins > IDLE_SPINS || other == NULL) {
        /* Nobody does anything else: what can still change something is a device, and time. */
        if (!agent_step_any()) {
            uint64_t later = clock_now + SPIN_TIME_STEP;
            time_goes_to(next_due > clock_now && next_due < later ? next_due : later);
        }
    }
    if (other != NULL)
        switch_to(self, other);
}

/* ---- interrupts, DPCs, threads ---- */

static void hold_interrupts(struct processor *processor, bool held)
{
    places[processor->number].raised = 0;
    processor->held = held ? ATTENTION_INTERRUPT : 0;
    note(NOTE_HELD, held);
}

static void threads_get_their_share(struct processor *processor)
{
    struct place *place = &places[processor->number];
    if (processor->irql < IRQL_DISPATCH) {
        place->raised = 0;
        if (processor->held != 0 && --place->quiet == 0)
            hold_interrupts(processor, false);
    } else if (++place->raised >= (processor->held == 0 ? RAISED_LIMIT : HELD_LIMIT)) {
        place->quiet = 1 + seeded_choose(QUIET_LIMIT);
        hold_interrupts(processor, processor->held == 0);
    }
}

/* Delivers what has arrived by now. */
static void deliver(struct processor *processor)
{
    struct place *place = &places[processor->number];
    for (;;) {
        uint32_t pending = atomic_load(&processor->attention) & attention_admitted(processor->irql) & ~processor->held;
        bool due = place->delayed >= DELIVERY_LIMIT;
        if (pending == 0) {
            place->delayed = 0;
            return;
        }
        if ((pending & ATTENTION_DPC) && processor->dpc_own) {
            /* Nothing below DISPATCH_LEVEL comes first; an interrupt may. */
            if (!(pending & ATTENTION_INTERRUPT) || !chance(character.interrupt))
                pending = ATTENTION_DPC;
        } else if (!due && !chance((pending & ATTENTION_INTERRUPT) ? character.interrupt : character.dpc)) {
            place->delayed++;
            return;
        }
        place->delayed = 0;
        place->row++;
        spins = 0;
        note(NOTE_DELIVERY, pending);
        store_buffer_drain(processor); /* as an interrupt does */
        if (pending & ATTENTION_INTERRUPT)
            interrupt_run_next(processor);
        else
            dpc_run_next(processor);
    }
}

static void threads_at_yield_point(struct processor *processor)
{
    struct sched_thread *self = thread_current();
    if (self == NULL || processor->irql != IRQL_PASSIVE || !(atomic_load(&processor->attention) & ATTENTION_READY) ||
        !chance(character.switch_thread))
        return;
    note(NOTE_THREAD, 0);
    store_buffer_drain(processor);
    thread_make_ready(self);
    thread_block();
}

static unsigned seeded_choose_ready(unsigned count)
{
    return count > 1 ? seeded_choose(count) : 0;
}

/* ---- yield points ---- */

static void time_at_yield_point(void)
{
    uint64_t now = clock_now + 1 + (character.tick > 1 ? seeded_choose(character.tick) : 0);
    if (next_due > now && next_due - now < EARLY_TIMER_REACH && chance(character.early_timer))
        now = next_due;
    time_goes_to(now);
}

static void seeded_yield(struct processor *processor, enum yield_cause cause)
{
    count_step();
    if (processor->irql < IRQL_DISPATCH)
        places[processor->number].row = 0;
    stuck_yield_point(processor);
    store_buffer_drain(processor);
    time_at_yield_point();
    agents_at_yield_point();
    threads_get_their_share(processor);
    deliver(processor);
    threads_at_yield_point(processor);
    if (cause == YIELD_SPIN) {
        processor_spins(processor);
        return;
    }
    spins = 0;
    struct processor *other = processor_preempting(processor, character.switch_processor);
    if (other != NULL)
        switch_to(processor, other);
}

void seeded_yield_between_instructions(struct processor *processor)
{
    counts.instructions++;
    count_step();
    spins = 0;
    if (!chance(character.step_switch))
        return;
    time_goes_to(clock_now + 1 + seeded_choose(INSTRUCTION_TIME));
    if (chance(CHANCE_UNIT / 3))
        agent_step_any();
    deliver(processor);
    threads_at_yield_point(processor);
    struct processor *other = processor_preempting(processor, CHANCE_UNIT / 2);
    if (other != NULL)
        switch_to(processor, other);
}

/* The yield point did it. */
static void seeded_spin(void)
{
}

/* In a few turns of random length, so that others get in between. */
static void seeded_stall(uint64_t end)
{
    while (clock_now < end) {
        sched_yield_point(YIELD_TRAP);
        if (clock_now < end)
            time_goes_to(clock_now + 1 + random_below(&choices, end - clock_now));
    }
}

/* Nobody on this processor can go on. */
static void seeded_idle(struct processor *processor)
{
    struct place *place = &places[processor->number];
    count_step();
    agents_at_yield_point();
    processor->held = 0;
    place->idle = true;
    place->row = 0;
    if (!is_runnable(processor)) {
        struct processor *other = processor_choose(processor);
        if (other != NULL)
            switch_to(processor, other);
        else if (agent_step_any())
            ;
        else if (next_due != SCHED_FOREVER)
            time_goes_to(next_due);
        else
            hang_report("nothing can go on");
    }
    place->idle = false;
}

/* ---- life ---- */

static pthread_t host_thread;
static sem_t go, stopped;
static bool running;

static void idle_main(void)
{
    struct processor *self = processor_current;
    places[self->number].idle = false;
    processor_loop(self);
    places[self->number].finished = true;
    for (unsigned i = 0; i < processor_count; i++) {
        if (places[i].finished)
            continue;
        processor_enter(&processors[i]);
        context_switch_stack(&self->idle.resume_sp, processors[i].current->resume_sp);
    }
    paused = NULL;
    context_switch_stack(&self->idle.resume_sp, base_sp);
    abort(); /* nobody returns to a processor that has finished */
}

static void *host_main(void *unused)
{
    trap_processor_enter();
    stuck_watch_start();
    paused = &processors[0];
    while (paused != NULL) {
        while (sem_wait(&go) != 0 && errno == EINTR)
            ;
        processor_enter(paused);
        context_switch_stack(&base_sp, paused->current->resume_sp);
        processor_current = NULL;
        context_current = NULL;
        trap_in_progress = NULL;
        sem_post(&stopped);
    }
    stuck_watch_stop();
    trap_processor_leave();
    return unused;
}

/* On the main host thread: the processors go on until they have something to tell. */
static void let_go_on(void)
{
    sem_post(&go);
    while (sem_wait(&stopped) != 0 && errno == EINTR)
        ;
}

static void seeded_wait_for_thread(sem_t *done)
{
    while (sem_trywait(done) != 0)
        let_go_on();
}

int seeded_prepare(const struct sched_seed_options *wanted)
{
    options = *wanted;
    if (options.step_limit == 0)
        options.step_limit = SCHED_STEP_LIMIT;
    if (options.time_limit == 0)
        options.time_limit = SCHED_TIME_LIMIT;
    return step_prepare(&options);
}

static int seeded_start(void)
{
    random_start(&choices, options.seed, 0);
    streams_start(options.seed);
    character_choose(&character, options.seed, PROCESSOR_LIMIT);
    counts = (struct sched_seeded_counts){.digest = options.seed};
    agent_delay = spins = 0;
    clock_now = character.clock_start;
    jumped_over = 0;
    clock_limit = clock_now + options.time_limit;
    lowest_priority = UINT32_MAX / 2;
    for (unsigned i = 0; i < processor_count; i++) {
        struct processor *processor = &processors[i];
        context_create(&processor->idle, idle_main);
        processor->idle.kernel_sp = 0; /* no code of the image runs on it */
        atomic_store(&processor->attention, ATTENTION_POLICY);
        places[i] = (struct place){.idle = i != 0, .priority = lowest_priority + 1 + seeded_choose(1024)};
    }
    timers_expire(clock_now);
    sem_init(&go, 0, 0);
    sem_init(&stopped, 0, 0);

    sigset_t before = block_asynchronous_signals();
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, HOST_STACK);
    int error = pthread_create(&host_thread, &attributes, host_main, NULL);
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    running = error == 0;
    return error;
}

static void seeded_stop(void)
{
    if (running) {
        let_go_on();
        pthread_join(host_thread, NULL);
        running = false;
    }
    step_enabled = false;
    for (unsigned i = 0; i < processor_count; i++)
        context_release(&processors[i].idle);
    sem_destroy(&go);
    sem_destroy(&stopped);
}

static void seeded_wake(struct processor *processor)
{
    (void)processor; /* it is looked at when it is idle */
}

static void seeded_agent_wake(struct agent *agent)
{
    (void)agent; /* likewise */
}

const struct sched_policy sched_policy_seeded = {
    .name = "seeded",
    .start = seeded_start,
    .stop = seeded_stop,
    .wait_for_thread = seeded_wait_for_thread,
    .wake = seeded_wake,
    .idle = seeded_idle,
    .spin = seeded_spin,
    .nap = seeded_nap,
    .now = seeded_now,
    .run_time = seeded_run_time,
    .clock_jump = seeded_clock_jump,
    .timers_changed = seeded_timers_changed,
    .agent_enter = seeded_agent_enter,
    .agent_leave = seeded_agent_leave,
    .agent_wake = seeded_agent_wake,
    .yield = seeded_yield,
    .stall = seeded_stall,
    .choose_ready = seeded_choose_ready,
    .timer_processor = seeded_timer_processor,
    .host_told = seeded_host_told,
};
