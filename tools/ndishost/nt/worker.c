/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* worker.c - one queue, two threads. */
#include "nt/worker.h"

#include <pthread.h>
#include <stdatomic.h>

#include "exec/sched.h"

enum { WORKER_COUNT = 2, POLL_TICKS = 10000 /* 1 ms */ };

static pthread_mutex_t queue_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct worker_entry *queue_first, **queue_end = &queue_first;
static struct sched_event work_available; /* one wake-up per entry: automatic, set again while entries remain */
static struct sched_thread *workers[WORKER_COUNT];
static atomic_uint turns[WORKER_COUNT]; /* of each: odd while it runs an entry */
static unsigned holders;
static bool stopping;

/* Its worker's turn begins with it: whoever finds it neither queued nor running knows that it has returned. */
static struct worker_entry *take(atomic_uint *turn)
{
    struct worker_entry *entry;

    pthread_mutex_lock(&queue_mutex);
    entry = queue_first;
    if (entry) {
        (*turn)++;
        queue_first = entry->next;
        if (!queue_first)
            queue_end = &queue_first;
    }
    if (queue_first || stopping)
        sched_event_set(&work_available);
    pthread_mutex_unlock(&queue_mutex);
    return entry;
}

static void worker(void *own_turns)
{
    atomic_uint *turn = own_turns;
    while (true) {
        struct worker_entry *entry;

        sched_event_wait(&work_available, SCHED_FOREVER);
        while ((entry = take(turn))) {
            entry->run(entry);
            (*turn)++;
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
    for (unsigned index = 0; index < WORKER_COUNT; index++)
        workers[index] = sched_thread_start("worker", index % sched_processor_count(), worker, &turns[index]);
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

void worker_wait_running(void)
{
    for (unsigned index = 0; index < WORKER_COUNT; index++) {
        unsigned turn = turns[index];

        while (turn % 2 && turns[index] == turn)
            sched_sleep_until(sched_now() + POLL_TICKS);
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
