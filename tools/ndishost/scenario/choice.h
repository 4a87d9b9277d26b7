/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* choice.h - choices of a scenario, from a generator of the world that follows from the seed alone. */
#ifndef NDISHOST_SCENARIO_CHOICE_H
#define NDISHOST_SCENARIO_CHOICE_H

#include <stdbool.h>

#include "exec/random.h"

/* low..high, both included */
static inline unsigned random_between(struct random *random, unsigned low, unsigned high)
{
    return low + (unsigned)random_below(random, (uint64_t)high - low + 1);
}

static inline bool random_chance(struct random *random, unsigned percent)
{
    return random_below(random, 100) < percent;
}

#endif
