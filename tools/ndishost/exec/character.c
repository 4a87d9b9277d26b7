/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* character.c - chooses how a machine under the seeded policy behaves. */
#include "character.h"

/* Purpose of the generator that chooses: no stream has it. */
#define PURPOSE UINT64_C(0x6368617261637472)

#define COUNT(array)          (sizeof(array) / sizeof((array)[0]))
#define ONE_OF(random, array) ((array)[random_below((random), COUNT(array))])

/* 2^32 milliseconds: where 32-bit counts of them wrap, as after 49.7 days. */
#define MILLISECONDS_WRAP (UINT64_C(1) << 32)

static uint64_t clock_start(struct random *random)
{
    uint64_t start = 100000 + random_below(random, 100000000); /* up to 10 s after boot */
    if (random_below(random, 8) == 0)
        start += MILLISECONDS_WRAP * 10000 - 50000000;
    return start;
}

void character_choose(struct character *character, uint64_t seed, unsigned processor_limit)
{
    static const uint16_t switches[] = {16, 64, 128, 512, 1024, 2048, 4096};
    static const uint16_t deliveries[] = {64, 512, 2048, 4096};
    static const uint16_t agents[] = {32, 256, 1024, 3072};
    static const uint32_t ticks[] = {1, 10, 50, 500};
    static const uint16_t early_timers[] = {0, 0, 0, 2, 32};
    static const uint32_t bursts[] = {8, 64, 512, 4096};
    static const uint16_t burst_chances[] = {256, 1024, 4096, 4096};
    static const uint16_t step_switches[] = {16, 128, 512, 2048};
    static const uint16_t drains[] = {4, 32, 256, 1024};

    struct random random;
    random_start(&random, seed, PURPOSE);
    character->switch_processor = ONE_OF(&random, switches);
    character->switch_thread = ONE_OF(&random, switches);
    character->interrupt = ONE_OF(&random, deliveries);
    character->dpc = ONE_OF(&random, deliveries);
    character->agent = ONE_OF(&random, agents);
    character->early_timer = ONE_OF(&random, early_timers);
    character->tick = ONE_OF(&random, ticks);
    character->clock_start = clock_start(&random);
    character->starved = (unsigned)random_below(&random, 8) == 0 ? (unsigned)random_below(&random, processor_limit) : processor_limit;
    character->priorities = random_below(&random, 4) == 0;
    character->priority_change = 1u << (3 + random_below(&random, 9));
    character->burst_length = ONE_OF(&random, bursts);
    character->burst = ONE_OF(&random, burst_chances);
    character->step_switch = ONE_OF(&random, step_switches);
    character->drain = ONE_OF(&random, drains);
}
