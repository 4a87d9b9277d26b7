/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* timer.c - armed timers in a heap by due time; at the due time their DPC is queued, or a wait ends. */
#include "sched.h"

#include "processor.h"

#include <stdio.h>
#include <stdlib.h>

/* Guards the heap and every timer's fields. A timer's `armed` is its place in the heap plus one. */
static pthread_mutex_t timers_lock = PTHREAD_MUTEX_INITIALIZER;
static struct sched_timer **heap;
static unsigned count, capacity;

static void put(unsigned place, struct sched_timer *timer)
{
    heap[place] = timer;
    timer->armed = (int)place + 1;
}

static void sift_up(unsigned place, struct sched_timer *timer)
{
    while (place > 0 && timer->due < heap[(place - 1) / 2]->due) {
        put(place, heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    put(place, timer);
}

static void sift_down(unsigned place, struct sched_timer *timer)
{
    for (;;) {
        unsigned child = 2 * place + 1;
        if (child >= count)
            break;
        if (child + 1 < count && heap[child + 1]->due < heap[child]->due)
            child++;
        if (heap[child]->due >= timer->due)
            break;
        put(place, heap[child]);
        place = child;
    }
    put(place, timer);
}

static void insert(struct sched_timer *timer)
{
    if (count == capacity) {
        capacity = capacity != 0 ? 2 * capacity : 64;
        heap = realloc(heap, capacity * sizeof(*heap));
        if (heap == NULL) {
            fprintf(stderr, "ndishost: no memory for timers\n");
            abort();
        }
    }
    sift_up(count++, timer);
}

static void take_out(struct sched_timer *timer)
{
    unsigned place = (unsigned)timer->armed - 1;
    struct sched_timer *last = heap[--count];
    timer->armed = 0;
    if (last == timer)
        return;
    if (place > 0 && last->due < heap[(place - 1) / 2]->due)
        sift_up(place, last);
    else
        sift_down(place, last);
}

static uint64_t earliest(void)
{
    return count != 0 ? heap[0]->due : SCHED_FOREVER;
}

uint64_t timers_earliest(void)
{
    pthread_mutex_lock(&timers_lock);
    uint64_t due = earliest();
    pthread_mutex_unlock(&timers_lock);
    return due;
}

bool sched_timer_set(struct sched_timer *timer, uint64_t due, uint64_t period, struct sched_dpc *dpc)
{
    pthread_mutex_lock(&timers_lock);
    uint64_t before = earliest();
    bool was_armed = timer->armed != 0;
    if (was_armed)
        take_out(timer);
    timer->due = due;
    timer->period = period;
    timer->dpc = dpc;
    insert(timer);
    if (earliest() != before)
        sched_policy->timers_changed(earliest());
    pthread_mutex_unlock(&timers_lock);
    return was_armed;
}

bool sched_timer_cancel(struct sched_timer *timer)
{
    pthread_mutex_lock(&timers_lock);
    bool was_armed = timer->armed != 0;
    if (was_armed)
        take_out(timer);
    pthread_mutex_unlock(&timers_lock);
    return was_armed;
}

void timers_expire(uint64_t now)
{
    pthread_mutex_lock(&timers_lock);
    while (count != 0 && heap[0]->due <= now) {
        struct sched_timer *timer = heap[0];
        take_out(timer);
        if (timer->dpc == NULL) {
            wait_timed_out(timer);
            continue;
        }
        if (timer->period != 0) {
            /* Periods that were missed altogether are not made up for. */
            uint64_t missed = (now - timer->due) / timer->period;
            timer->due += (missed + 1) * timer->period;
            insert(timer);
        }
        sched_dpc_queue(timer->dpc, sched_policy->timer_processor != NULL ? sched_policy->timer_processor() : SCHED_ANY_PROCESSOR);
    }
    sched_policy->timers_changed(earliest());
    pthread_mutex_unlock(&timers_lock);
}
