/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* sched_seeded.h - what the stepping of image code has from the seeded policy. */
#ifndef NDISHOST_EXEC_SCHED_SEEDED_H
#define NDISHOST_EXEC_SCHED_SEEDED_H

#include <stdint.h>

struct character;
struct processor;

const struct character *seeded_character(void);
/* A choice that follows the seed: 0..limit-1. */
uint32_t seeded_choose(uint32_t limit);
/* A number that changes whenever something has happened; also from a signal handler. */
uint64_t seeded_progress(void);
/* Between two instructions of the image: as at a yield point, anything may happen. */
void seeded_yield_between_instructions(struct processor *processor);

#endif
