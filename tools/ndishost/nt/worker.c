/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* worker.c - one queue, two threads. */
#include "nt/worker.h"

#include <pthread.h>

#include "exec/sched.h"
#include "nt/thread_affinity.h"

enum { WORKER_COUNT = 2, TICKS_PER_MS = 10000, LOOK_MS = 10 };

static pthread_mutex_t queue_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct worker_entry *queue_first, **queue_end = &queue_first;
static struct sched_event work_available; /* one wake-up per entry: automatic, set again while entries remain */
static struct sched_thread *workers[WORKER_COUNT];
/* What each worker is at, a copy: `run` may free the entry. Under queue_mutex. */
static struct worker_entry current[WORKER_COUNT];
static struct sched_event returned; /* automatic: set whenever an entry has run */
static unsigned holders;
static bool stopping;

/* The next one, noted in `mine`. */
static struct worker_entry *take(struct worker_entry *mine)
{
    struct worker_entry *entry;

    pthread_mutex_lock(&queue_mutex);
    entry = queue_first;
    if (entry) {
        queue_first = entry->next;
        if (!queue_first)
            queue_end = &queue_first;
        *mine = *entry;
    }
    if (queue_first || stopping)
        sched_event_set(&work_available);
    pthread_mutex_unlock(&queue_mutex);
    return entry;
}

static void worker_ran(struct worker_entry *mine)
{
    pthread_mutex_lock(&queue_mutex);
    *mine = (struct worker_entry){0};
    pthread_mutex_unlock(&queue_mutex);
    sched_event_set(&returned);
}

static void worker(void *argument)
{
    struct worker_entry *mine = argument;

    while (true) {
        struct worker_entry *entry;

        sched_event_wait(&work_available, SCHED_FOREVER);
        while ((entry = take(mine))) {
            entry->run(entry);
            thread_affinity_check_reverted("a work item");
            worker_ran(mine);
        }
        if (stopping)
            return;
    }
}

void worker_threads_acquire(void)
{
    if (holders++)
        return;
    stopping = false;
    sched_event_init(&work_available, true, false);
    sched_event_init(&returned, true, false);
    for (unsigned index = 0; index < WORKER_COUNT; index++)
        workers[index] = sched_thread_start("worker", index % sched_processor_count(), worker, &current[index]);
}

void worker_threads_release(void)
{
    if (--holders)
        return;
    pthread_mutex_lock(&queue_mutex);
    stopping = true;
    sched_event_set(&work_available);
    pthread_mutex_unlock(&queue_mutex);
    for (unsigned index = 0; index < WORKER_COUNT; index++) {
        sched_thread_join(workers[index]);
        sched_event_set(&work_available); /* the next one */
    }
}

void worker_queue(struct worker_entry *entry)
{
    pthread_mutex_lock(&queue_mutex);
    entry->next = NULL;
    *queue_end = entry;
    queue_end = &entry->next;
    sched_event_set(&work_available);
    pthread_mutex_unlock(&queue_mutex);
}

bool worker_cancel(struct worker_entry *entry)
{
    struct worker_entry **link = &queue_first;
    bool found;

    pthread_mutex_lock(&queue_mutex);
    while (*link && *link != entry)
        link = &(*link)->next;
    found = *link != NULL;
    if (found) {
        *link = entry->next;
        if (!*link)
            queue_end = link;
    }
    pthread_mutex_unlock(&queue_mutex);
    return found;
}

/* ---- what keeps an image in memory ---- */

static bool is_in(const struct worker_entry *entry, uintptr_t base, size_t size, bool holds_driver)
{
    return entry->run && entry->holds_driver == holds_driver && entry->routine - base < size;
}

bool worker_has_routine(uintptr_t base, size_t size, bool holds_driver)
{
    bool found = false;

    pthread_mutex_lock(&queue_mutex);
    for (const struct worker_entry *entry = queue_first; entry; entry = entry->next)
        found |= is_in(entry, base, size, holds_driver);
    for (unsigned index = 0; index < WORKER_COUNT; index++)
        found |= is_in(&current[index], base, size, holds_driver);
    pthread_mutex_unlock(&queue_mutex);
    return found;
}

bool worker_wait_returned(uintptr_t base, size_t size, unsigned milliseconds)
{
    uint64_t deadline = sched_now() + (uint64_t)milliseconds * TICKS_PER_MS;

    while (worker_has_routine(base, size, true) || worker_has_routine(base, size, false)) {
        uint64_t now = sched_now(), look = now + LOOK_MS * TICKS_PER_MS;

        if (now >= deadline)
            return false;
        /* Somebody who waits for another driver may have been woken instead: the event hurries, it does not decide. */
        sched_event_wait(&returned, look < deadline ? look : deadline);
    }
    return true;
}
