/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* sched_free.c - the free policy: each processor is a host thread, idle ones sleep on a futex, time is real. */
#define _GNU_SOURCE /* pthread_setname_np */
#include "processor.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define IDLE_STACK_SIZE (1024u * 1024u)
/* Busy waits give the host's CPU away after so many turns: whoever is waited for may need it. */
#define SPIN_TURNS 64u

static _Atomic uint64_t started_at; /* CLOCK_MONOTONIC, ns; a jump of the clock moves it back */
static bool running;

static uint64_t monotonic(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Time starts with the process, so that it never goes back when the processors are started again. */
__attribute__((constructor)) static void free_time_start(void)
{
    started_at = monotonic();
}

static uint64_t free_now(void)
{
    return (monotonic() - started_at) / 100;
}

/* Of its own, not a difference: a jump on another host thread must not come between two readings. */
static uint64_t free_run_time(void)
{
    return monotonic() / 100;
}

static void free_clock_jump(uint64_t delta)
{
    atomic_fetch_sub(&started_at, delta * 100);
    timers_expire(free_now());
}

static void *processor_main(void *argument)
{
    struct processor *processor = argument;
    trap_processor_enter();
    processor_loop(processor);
    trap_processor_leave();
    return NULL;
}

static int free_start(void)
{
    int error = io_thread_start();
    if (error != 0)
        return error;
    running = true;
    timers_expire(free_now()); /* tells the I/O thread of timers that are armed already */

    sigset_t before = block_asynchronous_signals();
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, IDLE_STACK_SIZE);
    for (unsigned i = 0; i < processor_count && error == 0; i++) {
        char name[24];
        error = pthread_create(&processors[i].host_thread, &attributes, processor_main, &processors[i]);
        if (error != 0)
            break;
        snprintf(name, sizeof(name), "processor %u", i);
        pthread_setname_np(processors[i].host_thread, name);
    }
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

static void free_stop(void)
{
    if (!running)
        return;
    for (unsigned i = 0; i < processor_count; i++)
        if (processors[i].host_thread != 0)
            pthread_join(processors[i].host_thread, NULL);
    io_thread_stop();
    running = false;
}

static void free_wait_for_thread(sem_t *done)
{
    while (sem_wait(done) != 0 && errno == EINTR)
        ;
}

/*
 * No wake-up is lost: the sleeper says that it sleeps and then looks for attention (the kernel does, atomically with going to
 * sleep); the waker sets attention and then looks for a sleeper. Both are sequentially consistent.
 */
static void free_idle(struct processor *processor)
{
    atomic_store(&processor->sleeping, 1);
    if (atomic_load(&processor->attention) == 0)
        syscall(SYS_futex, &processor->attention, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    atomic_store(&processor->sleeping, 0);
}

static void free_wake(struct processor *processor)
{
    if (atomic_load(&processor->sleeping))
        syscall(SYS_futex, &processor->attention, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void free_spin(void)
{
    static __thread unsigned turns;
    if (++turns % SPIN_TURNS == 0)
        sched_yield();
    else
        __builtin_ia32_pause();
}

static void free_nap(uint32_t microseconds)
{
    struct timespec nap = {0, (long)microseconds * 1000};
    nanosleep(&nap, NULL);
}

static void free_timers_changed(uint64_t earliest)
{
    io_thread_set_timer(earliest == SCHED_FOREVER || earliest > UINT64_MAX / 200 ? 0 : started_at + earliest * 100);
}

/* ---- agents: a host thread each, asleep on `wanted` in the way processors are on `attention` ---- */

static void *agent_main(void *argument)
{
    struct agent *agent = argument;
    while (!atomic_load(&agent->leaving)) {
        if (atomic_exchange(&agent->wanted, 0)) {
            while (agent->sched->step(agent->sched) && !atomic_load(&agent->leaving))
                ;
            continue;
        }
        atomic_store(&agent->sleeping, 1);
        if (!atomic_load(&agent->leaving))
            syscall(SYS_futex, &agent->wanted, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
        atomic_store(&agent->sleeping, 0);
    }
    return NULL;
}

static void free_agent_wake(struct agent *agent)
{
    if (atomic_load(&agent->sleeping))
        syscall(SYS_futex, &agent->wanted, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static int free_agent_enter(struct agent *agent)
{
    char name[16];
    atomic_store(&agent->leaving, 0);
    sigset_t before = block_asynchronous_signals();
    int error = pthread_create(&agent->host_thread, NULL, agent_main, agent);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0) {
        snprintf(name, sizeof(name), "%s", agent->sched->name);
        pthread_setname_np(agent->host_thread, name);
    }
    return error;
}

static void free_agent_leave(struct agent *agent)
{
    /* `wanted` is what it sleeps on: set, so that it cannot fall asleep again before it sees that it is to leave. */
    uint32_t wanted = atomic_load(&agent->wanted);
    atomic_store(&agent->leaving, 1);
    atomic_store(&agent->wanted, 1);
    free_agent_wake(agent);
    pthread_join(agent->host_thread, NULL);
    atomic_store(&agent->wanted, wanted);
}

const struct sched_policy sched_policy_free = {
    .name = "free",
    .start = free_start,
    .stop = free_stop,
    .wait_for_thread = free_wait_for_thread,
    .wake = free_wake,
    .idle = free_idle,
    .spin = free_spin,
    .nap = free_nap,
    .now = free_now,
    .run_time = free_run_time,
    .clock_jump = free_clock_jump,
    .timers_changed = free_timers_changed,
    .agent_enter = free_agent_enter,
    .agent_leave = free_agent_leave,
    .agent_wake = free_agent_wake,
};
