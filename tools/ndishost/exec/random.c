/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* random.c - splitmix64, and the streams that other rooms take their choices from. */
#include "random.h"

#include "processor.h"
#include "sched.h"

#define STEP UINT64_C(0x9e3779b97f4a7c15) /* 2^64 divided by the golden ratio: odd, far from any pattern */

static uint64_t mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

void random_start(struct random *random, uint64_t seed, uint64_t purpose)
{
    random->counter = mix(mix(seed) + purpose * STEP);
}

uint64_t random_next(struct random *random)
{
    return mix(__atomic_fetch_add(&random->counter, STEP, __ATOMIC_RELAXED) + STEP);
}

uint64_t random_below(struct random *random, uint64_t limit)
{
    /* The high half of a product: no division, and the bias is below 2^-32 for limits that fit in 32 bits. */
    if (limit <= UINT32_MAX)
        return ((random_next(random) >> 32) * limit) >> 32;
    return random_next(random) % limit;
}

/* ---- streams ---- */

static struct random streams[SCHED_STREAM_COUNT];

void streams_start(uint64_t seed)
{
    for (unsigned i = 0; i < SCHED_STREAM_COUNT; i++)
        random_start(&streams[i], seed, i + 1);
}

/* Without a seed the streams begin at a constant. */
__attribute__((constructor)) static void streams_begin(void)
{
    streams_start(0);
}

uint64_t sched_random(enum sched_stream stream)
{
    return random_next(&streams[stream]);
}

uint64_t sched_random_below(enum sched_stream stream, uint64_t limit)
{
    return random_below(&streams[stream], limit);
}
