/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * stuck.c - image code that waits by itself, in a loop without a yield point, under the seeded policy: until another processor or a
 * device gets its turn the loop does not end. A timer notices; then the loop is stepped, and once per round others go on.
 *
 * How often the loop went round before is the host's chance. What happens from then on is not: stepping finds the lowest address of the
 * loop, and only there, where a loop that merely waits has the same state in every round, the seed decides.
 */
#define _GNU_SOURCE /* SIGEV_THREAD_ID */
#include "step.h"

#include "processor.h"
#include "sched_seeded.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* Of the host's processor time; no callback of a driver computes that long. */
#define TICK_NANOSECONDS 50000000
#define TICKS            2u
#define TICK_SIGNAL      SIGVTALRM
/* The most instructions of one round that are considered. */
#define ROUND_LIMIT 20000u

static struct loop {
    bool stepped;
    bool found; /* `lowest` is known */
    uintptr_t lowest;
    uint32_t count;
} loops[PROCESSOR_LIMIT];

static timer_t timer;
static uint64_t last_progress;
static unsigned quiet_ticks;

/* From the timer's signal: whether the processor's image code, which has been interrupted, is to be stepped from now on. */
bool stuck_tick(bool in_image)
{
    uint64_t progress = seeded_progress();
    if (progress != last_progress || !in_image) {
        last_progress = progress;
        quiet_ticks = 0;
        return false;
    }
    if (++quiet_ticks < TICKS)
        return false;
    quiet_ticks = 0;
    loops[processor_current->number] = (struct loop){.stepped = true, .lowest = UINTPTR_MAX};
    return true;
}

bool stuck_step(struct trap_frame *frame)
{
    struct processor *processor = processor_current;
    struct loop *loop = &loops[processor->number];
    if (!loop->stepped)
        return false;
    loop->count++;
    if (!loop->found) {
        loop->lowest = frame->ip < loop->lowest ? frame->ip : loop->lowest;
        loop->found = loop->count == ROUND_LIMIT;
    } else if (frame->ip == loop->lowest) {
        struct loop self = *loop;
        self.count = 0;
        loop->stepped = false;
        sched_yield_point(YIELD_SPIN);
        *loop = self;
    } else if (loop->count > 2 * ROUND_LIMIT) {
        loop->stepped = false; /* it has ended */
        return true;
    }
    frame->flags |= FLAG_TRAP;
    return true;
}

void stuck_yield_point(struct processor *processor)
{
    loops[processor->number].stepped = false;
}

void stuck_watch_start(void)
{
    struct sigevent event;
    struct itimerspec period = {{0, TICK_NANOSECONDS}, {0, TICK_NANOSECONDS}};
    sigset_t tick;
    memset(loops, 0, sizeof(loops));
    memset(&event, 0, sizeof(event));
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = TICK_SIGNAL;
    event.sigev_notify_thread_id = gettid();
    if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) != 0 || timer_settime(timer, 0, &period, NULL) != 0) {
        perror("ndishost: no timer of the host");
        abort();
    }
    sigemptyset(&tick);
    sigaddset(&tick, TICK_SIGNAL);
    pthread_sigmask(SIG_UNBLOCK, &tick, NULL);
}

void stuck_watch_stop(void)
{
    timer_delete(timer);
}
