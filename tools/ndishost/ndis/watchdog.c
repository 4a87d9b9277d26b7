/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * watchdog.c - bounds the time that a callback of the image takes. A callback that spins or waits for ever blocks its processor, so
 * the clock is watched by a host thread that runs no image code; when time is up the run ends with a report (bug check 0x7C/0x25).
 */
#include <stdlib.h>
#include <time.h>

#include "exec/trap.h"
#include "ndis/miniport.h"

enum { WATCHDOG_ENTRIES = 64 };

/* Milliseconds of the world outside: the scheduler's time may be virtual, and stands still when a callback hangs. */
static uint64_t real_milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static pthread_mutex_t watchdog_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t watchdog_changed = PTHREAD_COND_INITIALIZER;
static pthread_t watchdog_thread;
static bool watchdog_running;
static struct {
    const char *rule, *what; /* what == NULL: free */
    unsigned milliseconds;
    uint64_t deadline;
} entries[WATCHDOG_ENTRIES];

static void *watch(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&watchdog_mutex);
    while (watchdog_running) {
        struct timespec next;
        uint64_t now = real_milliseconds();

        for (unsigned index = 0; index < WATCHDOG_ENTRIES; index++) {
            if (entries[index].what && now >= entries[index].deadline) {
                pthread_mutex_unlock(&watchdog_mutex);
                trap_bugcheck(entries[index].rule, "%s did not return within %u ms", entries[index].what, entries[index].milliseconds);
            }
        }
        /* A tenth of a second is fine enough for limits of seconds, and cheap enough to need no sorted list. */
        clock_gettime(CLOCK_REALTIME, &next);
        next.tv_nsec += 100 * 1000 * 1000;
        if (next.tv_nsec >= 1000 * 1000 * 1000) {
            next.tv_nsec -= 1000 * 1000 * 1000;
            next.tv_sec++;
        }
        pthread_cond_timedwait(&watchdog_changed, &watchdog_mutex, &next);
    }
    pthread_mutex_unlock(&watchdog_mutex);
    return NULL;
}

void watchdog_start(void)
{
    pthread_mutex_lock(&watchdog_mutex);
    if (!watchdog_running) {
        watchdog_running = true;
        if (pthread_create(&watchdog_thread, NULL, watch, NULL))
            abort();
    }
    pthread_mutex_unlock(&watchdog_mutex);
}

void watchdog_stop(void)
{
    bool was_running;

    pthread_mutex_lock(&watchdog_mutex);
    was_running = watchdog_running;
    watchdog_running = false;
    pthread_cond_signal(&watchdog_changed);
    pthread_mutex_unlock(&watchdog_mutex);
    if (was_running)
        pthread_join(watchdog_thread, NULL);
}

unsigned watchdog_arm(const char *rule, const char *what, unsigned milliseconds)
{
    unsigned index;

    pthread_mutex_lock(&watchdog_mutex);
    for (index = 0; index < WATCHDOG_ENTRIES && entries[index].what; index++)
        ;
    if (index < WATCHDOG_ENTRIES) {
        entries[index].rule = rule;
        entries[index].what = what;
        entries[index].milliseconds = milliseconds;
        entries[index].deadline = real_milliseconds() + milliseconds;
    }
    pthread_mutex_unlock(&watchdog_mutex);
    return index;
}

void watchdog_disarm(unsigned ticket)
{
    if (ticket >= WATCHDOG_ENTRIES)
        return;
    pthread_mutex_lock(&watchdog_mutex);
    entries[ticket].what = NULL;
    pthread_mutex_unlock(&watchdog_mutex);
}
