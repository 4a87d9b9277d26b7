/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * character.h - how a machine under the seeded policy behaves: chosen from the seed, so that a range of seeds covers machines that
 * switch at every opportunity and such that hardly ever do, quick devices and slow ones, a processor that starves.
 */
#ifndef NDISHOST_EXEC_CHARACTER_H
#define NDISHOST_EXEC_CHARACTER_H

#include "random.h"

#include <stdbool.h>

/* Chances are of so many. */
#define CHANCE_UNIT 4096u

struct character {
    /* At a yield point. */
    uint16_t switch_processor, switch_thread, interrupt, dpc, agent;
    uint16_t early_timer;     /* the next timer, if it is near, expires before its time */
    uint32_t tick;            /* the most that the clock advances at a yield point, 100 ns */
    uint64_t clock_start;     /* where the clock stands when the machine starts */
    unsigned starved;         /* this processor runs but rarely while others can; PROCESSOR_LIMIT: none */
    bool priorities;          /* the processor with the highest priority runs; now and then the running one gets the lowest */
    uint32_t priority_change; /* once in so many yield points */
    uint32_t burst_length;    /* instructions that are stepped in a row, at most */
    uint16_t burst;           /* chance that a burst begins where the image is entered */
    uint16_t step_switch;     /* chance of a switch between two instructions */
    uint16_t drain;           /* chance that the oldest delayed store gets through, per instruction */
};

void character_choose(struct character *character, uint64_t seed, unsigned processor_limit);

#endif
