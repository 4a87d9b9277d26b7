/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* progress.c - draws the progress line. */
#include "cli/progress.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "rules/rules.h"

enum { LINE_MAX_COLUMNS = 200, COLUMNS_UNKNOWN = 80 };

/* The lock guards what follows and the `adapter` of every slot: none is destroyed while the line is written. Never held across a yield. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const struct machine *shown_machine;
static bool enabled, quiet, drawn;
static char stage[96];
static struct timespec started;
static struct adapter_counts gone; /* of the adapters that were taken back */

static void erase(void)
{
    if (drawn)
        fputs("\r\033[K", stderr);
    drawn = false;
}

static void counts_add(struct adapter_counts *sum, const struct adapter *adapter)
{
    struct adapter_counts counts = adapter_counts(adapter);
    sum->frames_sent += counts.frames_sent;
    sum->frames_received += counts.frames_received;
    sum->bytes_sent += counts.bytes_sent;
    sum->bytes_received += counts.bytes_received;
    sum->interrupts += counts.interrupts;
}

/* One row holds the line, or each one would begin a new row: a terminal that is narrow shows its beginning. */
static int columns(void)
{
    struct winsize size;
    int wide = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : COLUMNS_UNKNOWN;
    return wide - 1 < LINE_MAX_COLUMNS ? wide - 1 : LINE_MAX_COLUMNS;
}

static void draw(const struct adapter_counts *sum)
{
    char line[LINE_MAX_COLUMNS + 1];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double seconds = (double)(now.tv_sec - started.tv_sec) + (double)(now.tv_nsec - started.tv_nsec) / 1e9;
    /* What matters most comes first. */
    snprintf(line, sizeof(line),
             "%6.1f s  %s  violations %u  leaks %u  sent %" PRIu64 " (%.1f MB)  received %" PRIu64 " (%.1f MB)  interrupts %" PRIu64,
             seconds, stage, rules_violation_count(), track_leak_count(), sum->frames_sent, (double)sum->bytes_sent / 1e6,
             sum->frames_received, (double)sum->bytes_received / 1e6, sum->interrupts);
    fprintf(stderr, "\r%.*s\033[K", columns(), line);
    drawn = true;
}

void progress_begin(const struct machine *machine, bool wanted)
{
    pthread_mutex_lock(&lock);
    shown_machine = machine;
    enabled = wanted && isatty(STDERR_FILENO);
    clock_gettime(CLOCK_MONOTONIC, &started);
    pthread_mutex_unlock(&lock);
}

void progress_end(void)
{
    pthread_mutex_lock(&lock);
    erase();
    enabled = false;
    pthread_mutex_unlock(&lock);
}

void progress_stage(const char *format, ...)
{
    pthread_mutex_lock(&lock);
    quiet = !format;
    if (format) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(stage, sizeof(stage), format, arguments);
        va_end(arguments);
    } else if (enabled) {
        erase();
    }
    pthread_mutex_unlock(&lock);
}

void progress_adapter(struct machine_adapter *slot, struct adapter *adapter)
{
    pthread_mutex_lock(&lock);
    if (slot->adapter && !adapter)
        counts_add(&gone, slot->adapter);
    slot->adapter = adapter;
    pthread_mutex_unlock(&lock);
}

void progress_adapter_counts(const struct machine_adapter *slot, struct adapter_counts *counts)
{
    pthread_mutex_lock(&lock);
    if (slot->adapter)
        *counts = adapter_counts(slot->adapter);
    pthread_mutex_unlock(&lock);
}

void progress_tick(void)
{
    pthread_mutex_lock(&lock);
    if (enabled && !quiet) {
        struct adapter_counts sum = gone;
        for (unsigned i = 0; i < shown_machine->adapter_count; ++i)
            if (shown_machine->adapters[i].adapter)
                counts_add(&sum, shown_machine->adapters[i].adapter);
        draw(&sum);
    }
    pthread_mutex_unlock(&lock);
}
