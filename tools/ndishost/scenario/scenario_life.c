/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* scenario_life.c - coming and going: life cycle, reload, several adapters, shutdown. */
#include "abi/nt_constants.h"
#include "scenario/scenario.h"

enum { FRAMES_SHORT = 64, RELOADS = 6 };

void play_life_cycle(struct world *world)
{
    struct station *station = &world->stations[0];
    /* Without traffic, not even bound: what initialisation made, halt takes away. */
    if (!world_load(world) || !station_start(station))
        return;
    station_stop(station);
    world_unload(world);
    /* And as Windows uses it. */
    if (world_failed(world) || !world_start_one(world))
        return;
    station_prove(station, FRAMES_SHORT);
}

void play_reload(struct world *world)
{
    struct station *station = &world->stations[0];
    for (unsigned round = 0; round < RELOADS && !world_failed(world); ++round) {
        unsigned depth = random_between(&world->random, 0, 3);
        if (!world_load(world))
            return;
        if (depth >= 1 && !station_start(station))
            return;
        if (depth >= 2 && !station_bind(station))
            return;
        if (depth >= 3 && !station_prove(station, FRAMES_SHORT))
            return;
        /* Sometimes the adapter alone comes and goes. */
        if (depth >= 1 && random_chance(&world->random, 50)) {
            station_stop(station);
            if (!station_start(station))
                return;
        }
        station_stop(station);
        world_unload(world);
        if (random_chance(&world->random, 30))
            station_unplug(station);
    }
}

/* One step of one station, whatever state it is in. */
static bool step_one(struct world *world, struct station *station)
{
    if (!station->adapter)
        return station_start(station);
    if (!station->edge)
        return random_chance(&world->random, 80) ? station_bind(station) : (station_stop(station), true);
    switch (random_between(&world->random, 0, 3)) {
    case 0:
        station_stop(station);
        return true;
    case 1:
        station_unbind(station);
        return true;
    default:
        return station_prove(station, FRAMES_SHORT / 2);
    }
}

void play_several_adapters(struct world *world)
{
    unsigned count = random_between(&world->random, 2, STATIONS_MAX);
    if (!world_load(world))
        return;
    for (unsigned i = 0; i < count; ++i)
        if (!station_start(&world->stations[i]) || !station_bind(&world->stations[i]))
            return;
    /* All at once, then in any order, what one does being nothing to the others; the last one carries load all the time. */
    world->may_lose = true;
    for (unsigned i = 0; i < count; ++i)
        station_load_start(&world->stations[i]);
    for (unsigned i = 0; i < count - 1; ++i)
        station_load_stop(&world->stations[i]);
    for (unsigned step = 0; step < 8 * count && !world_failed(world); ++step)
        if (!step_one(world, &world->stations[random_between(&world->random, 0, count - 2)]))
            return;
    for (unsigned i = 0; i < count && !world_failed(world); ++i)
        if (world->stations[i].edge && !station_prove_anew(&world->stations[i], FRAMES_SHORT / 2))
            return;
}

void play_shutdown(struct world *world)
{
    struct station *station = &world->stations[0];
    bool bug_check = random_chance(&world->random, 50);
    if (!world_start_one(world))
        return;
    station_load_start(station);
    world_sleep(random_between(&world->random, 0, 20));
    world->may_lose = true;
    /* A bug check stops the others where they are: no processor runs anything of the driver during and after the call. */
    station_load_stop(station);
    if (random_chance(&world->random, 50))
        station_exchange(station, FRAMES_SHORT);
    world->switched_off = true;
    adapter_shutdown(station->adapter, bug_check ? NT_NdisShutdownBugCheck : NT_NdisShutdownPowerOff);
}
