/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * dispatcher.h - objects that threads wait for: events, semaphores, mutexes, timers, threads. Each begins with a DISPATCHER_HEADER in image
 * memory, whose SignalState is the truth. One lock guards them all, as on Windows, and with them DPCs and timers; it is held for short
 * stretches without yield points. From any host thread unless a function waits.
 */
#ifndef NDISHOST_NT_DISPATCHER_H
#define NDISHOST_NT_DISPATCHER_H

#include "abi/nt_types.h"
#include "nt/nt.h"

enum dispatcher_type {
    DISPATCHER_NOTIFICATION_EVENT = 0,
    DISPATCHER_SYNCHRONIZATION_EVENT = 1,
    DISPATCHER_MUTANT = 2,
    DISPATCHER_SEMAPHORE = 5,
    DISPATCHER_THREAD = 6,
    DISPATCHER_NOTIFICATION_TIMER = 8,
    DISPATCHER_SYNCHRONIZATION_TIMER = 9,
};
enum { DPC_OBJECT_TYPE = 19 };

void dispatcher_lock(void);
void dispatcher_unlock(void);

/* Fills a header; an object that somebody waits on is violation HOST-EVENT-REINITIALIZED. Takes the lock itself. */
void dispatcher_initialize(nt_DISPATCHER_HEADER *header, enum dispatcher_type type, size_t size, int32_t state);
/* Whether the header is one that dispatcher_initialize() made. */
bool dispatcher_valid(const nt_DISPATCHER_HEADER *header);
/* Lock held: sets the state and releases the waiters it satisfies; returns the state before. */
int32_t dispatcher_signal(nt_DISPATCHER_HEADER *header, int32_t state);

#define DISPATCHER_TIMEOUT (~0u)
/*
 * Waits until one (or all) of the objects are signalled; returns the index, 0 for all, or DISPATCHER_TIMEOUT. A deadline in the past only
 * tests. A wait that may block above APC_LEVEL is violation WAI-05 and only tests.
 */
unsigned dispatcher_wait(nt_DISPATCHER_HEADER *const *objects, unsigned count, bool all, uint64_t deadline, uintptr_t who);
enum { DISPATCHER_WAIT_LIMIT = 64 };

/* The current thread is in a critical or guarded region, or at APC_LEVEL (guarded_mutex.c). */
bool nt_kernel_apcs_disabled(void);
void nt_critical_region_leave(const char *what, uintptr_t who);

/* The deadline that a PLARGE_INTEGER means: NULL forever, negative relative, else system time. */
uint64_t dispatcher_deadline(const void *timeout);

/* Lock held: a waited-on object in a range that is freed. Returns a header, or NULL. */
const void *dispatcher_waited_in(const void *start, size_t size);

#endif
