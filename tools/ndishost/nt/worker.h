/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* worker.h - the system worker threads: what the work items of NDIS, of the I/O manager and of the executive are queued to. */
#ifndef NDISHOST_NT_WORKER_H
#define NDISHOST_NT_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Two threads run while anybody holds them (each loaded driver does). IRQL: PASSIVE_LEVEL. */
void worker_threads_acquire(void);
void worker_threads_release(void);

/*
 * Embedded in what is queued; `run` is called on a worker, at PASSIVE_LEVEL, and may free the item's owner. `routine` is the image's code
 * that it calls. `holds_driver`: the item refers to a device object, which keeps that code in memory until the routine has returned.
 */
struct worker_entry {
    struct worker_entry *next;
    void (*run)(struct worker_entry *entry);
    uintptr_t routine;
    bool holds_driver;
};

/* From any host thread, any IRQL. The entry must not be in the queue: whether it is, its owner knows. */
void worker_queue(struct worker_entry *entry);
/* Takes it out again; false: it was not there any more. */
bool worker_cancel(struct worker_entry *entry);

/* Whether a routine in [base, base + size) is queued or runs, to its last instruction, that holds its driver, or that does not. */
bool worker_has_routine(uintptr_t base, size_t size, bool holds_driver);
/* Waits until there is none of either kind; false: time is up. IRQL: PASSIVE_LEVEL. */
bool worker_wait_returned(uintptr_t base, size_t size, unsigned milliseconds);

#endif
