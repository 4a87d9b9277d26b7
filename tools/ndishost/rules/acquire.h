/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * acquire.h - permission for everything that the image may ask for and be refused: memory, packets, shared memory, interrupts, lists,
 * timers, work items, configuration, mappings, registrations. Each call is numbered from 1; a check refuses a chosen number, or each
 * with some probability, and looks at what the driver makes of it. What cannot fail on Windows never asks.
 *
 * Any host thread, any IRQL. The numbers are in the order of the calls; with several processors under the free policy that order may
 * differ from run to run.
 */
#ifndef NDISHOST_RULES_ACQUIRE_H
#define NDISHOST_RULES_ACQUIRE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Asked at the top of each such call, before anything is done; `what` is its name, a string that stays. False: the caller returns what
 * Windows returns when it is out of resources (NULL, NDIS_STATUS_RESOURCES, ...), with no other effect.
 */
bool acquire_permitted(const char *what);

/* From now on call number `number` (counted from the last acquire_reset()) is refused; 0: none. */
void acquire_refuse_number(uint64_t number);
/* From now on each call is refused with a probability of 1/`one_in`, decided by `seed` and the call's number; 0: none. */
void acquire_refuse_some(unsigned one_in, uint64_t seed);
/* Nothing is refused from now on; the numbering goes on, what was refused stays known. */
void acquire_permit_all(void);
/* The same, and numbering starts at 1 again, nothing was refused yet. */
void acquire_reset(void);

/* Calls so far, calls refused so far, and what was refused first (NULL: nothing). */
uint64_t acquire_count(void);
uint64_t acquire_refusals(void);
const char *acquire_first_refused(void);

#endif
