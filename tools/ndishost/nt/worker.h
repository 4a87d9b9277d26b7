/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* worker.h - the system worker threads: what the work items of NDIS, of the I/O manager and of the executive are queued to. */
#ifndef NDISHOST_NT_WORKER_H
#define NDISHOST_NT_WORKER_H

#include <stdbool.h>

/* Two threads run while anybody holds them (each loaded driver does). IRQL: PASSIVE_LEVEL. */
void worker_threads_acquire(void);
void worker_threads_release(void);

/*
 * Returns when whatever was running on a worker at the call has returned. Windows keeps the code of a driver until then: a work item holds
 * its device object, also when it was freed meanwhile. Those who queue bound their entries (a watchdog). IRQL: PASSIVE_LEVEL.
 */
void worker_wait_running(void);

/* Embedded in what is queued; `run` is called on a worker, at PASSIVE_LEVEL, and may free the item's owner. */
struct worker_entry {
    struct worker_entry *next;
    void (*run)(struct worker_entry *entry);
};

/* From any host thread, any IRQL. The entry must not be in the queue: whether it is, its owner knows. */
void worker_queue(struct worker_entry *entry);
/* Takes it out again; false: it was not there any more. */
bool worker_cancel(struct worker_entry *entry);

#endif
