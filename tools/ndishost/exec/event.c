/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* event.c - events: the one thing that threads wait for, with or without a time limit. */
#include "sched.h"

#include "processor.h"
#include "trap.h"

/* One wait in progress, on the host stack of the thread that waits; in the event's ring of waiters, oldest first. */
struct waiter {
    struct sched_event *event;
    struct sched_thread *thread;
    struct waiter *next, *previous;
    bool queued;
    bool signalled;
    struct sched_timer limit;
};

/* Guards every event and its waiters. Held for a few instructions only. */
static pthread_mutex_t waits_lock = PTHREAD_MUTEX_INITIALIZER;

static void waiter_append(struct sched_event *event, struct waiter *waiter)
{
    struct waiter *first = event->waiters;
    if (first == NULL) {
        waiter->next = waiter->previous = waiter;
        event->waiters = waiter;
    } else {
        waiter->next = first;
        waiter->previous = first->previous;
        first->previous->next = waiter;
        first->previous = waiter;
    }
    waiter->queued = true;
}

static void waiter_remove(struct waiter *waiter)
{
    struct sched_event *event = waiter->event;
    if (waiter->next == waiter)
        event->waiters = NULL;
    else if (event->waiters == waiter)
        event->waiters = waiter->next;
    waiter->next->previous = waiter->previous;
    waiter->previous->next = waiter->next;
    waiter->queued = false;
}

void sched_event_init(struct sched_event *event, bool automatic, bool signalled)
{
    event->signalled = signalled;
    event->automatic = automatic;
    event->waiters = NULL;
}

static void waiter_release(struct waiter *waiter)
{
    waiter->signalled = true;
    thread_make_ready(waiter->thread); /* and the waiter may be gone, with its event */
}

static void release_all(struct waiter *first)
{
    struct waiter *last = first->previous, *waiter = first, *next;
    for (;; waiter = next) {
        bool is_last = waiter == last;
        next = waiter->next;
        waiter->queued = false;
        waiter_release(waiter);
        if (is_last)
            break;
    }
}

void sched_event_set(struct sched_event *event)
{
    pthread_mutex_lock(&waits_lock);
    struct waiter *first = event->waiters;
    if (first == NULL) {
        event->signalled = true;
    } else if (event->automatic) {
        waiter_remove(first);
        waiter_release(first);
    } else {
        event->signalled = true;
        event->waiters = NULL;
        release_all(first);
    }
    pthread_mutex_unlock(&waits_lock);
}

void sched_event_reset(struct sched_event *event)
{
    pthread_mutex_lock(&waits_lock);
    event->signalled = false;
    pthread_mutex_unlock(&waits_lock);
}

void wait_timed_out(struct sched_timer *timer)
{
    struct waiter *waiter = timer->link;
    pthread_mutex_lock(&waits_lock);
    if (waiter->queued) {
        waiter_remove(waiter);
        thread_make_ready(waiter->thread);
    }
    pthread_mutex_unlock(&waits_lock);
}

bool sched_event_wait(struct sched_event *event, uint64_t deadline)
{
    struct waiter waiter = {.event = event, .thread = thread_current()};

    pthread_mutex_lock(&waits_lock);
    if (event->signalled) {
        if (event->automatic)
            event->signalled = false;
        pthread_mutex_unlock(&waits_lock);
        return true;
    }
    if (deadline != SCHED_FOREVER && deadline <= sched_now()) {
        pthread_mutex_unlock(&waits_lock);
        return false;
    }
    if (waiter.thread == NULL || irql_current() > IRQL_APC) {
        pthread_mutex_unlock(&waits_lock);
        trap_bugcheck("IRQL-29", "a wait at IRQL %u%s", irql_current(), waiter.thread == NULL ? ", outside of a thread" : "");
    }
    waiter_append(event, &waiter);
    pthread_mutex_unlock(&waits_lock);

    /* From here on the thread may be made ready before it blocks; its processor alone takes it from its queue, below. */
    if (deadline != SCHED_FOREVER) {
        waiter.limit.link = &waiter;
        sched_timer_set(&waiter.limit, deadline, 0, NULL);
    }
    waiter.thread->waiting = event;
    waiter.thread->wait_deadline = deadline;
    thread_block();
    waiter.thread->waiting = NULL;
    if (deadline != SCHED_FOREVER)
        sched_timer_cancel(&waiter.limit);
    /* NOLINTNEXTLINE(clang-analyzer-core.StackAddressEscape): whoever made the thread ready has taken the waiter out of the event's list */
    return waiter.signalled;
}

void sched_sleep_until(uint64_t deadline)
{
    struct sched_event never;
    const char *before = sched_wait_reason("the end of a sleep");
    sched_event_init(&never, false, false);
    sched_event_wait(&never, deadline);
    sched_wait_reason(before);
}
