/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* random.h - the one generator behind every choice of the host: splitmix64, a counter put through a mixer. */
#ifndef NDISHOST_EXEC_RANDOM_H
#define NDISHOST_EXEC_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t counter;
};

/* A generator of its own for each pair of seed and purpose. */
void random_start(struct random *random, uint64_t seed, uint64_t purpose);
/* From any host thread: no two calls get the same number of the sequence. */
uint64_t random_next(struct random *random);
/* 0..limit-1; limit > 0. */
uint64_t random_below(struct random *random, uint64_t limit);

#endif
