/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* scenario_traffic.c - frames both ways, and what stops and starts them: pause, halt, cancel. */
#include "abi/nt_constants.h"
#include "ndis/miniport.h"
#include "ndis/send.h"
#include "scenario/scenario.h"

enum { FRAMES_MANY = 1024, FRAMES_SHORT = 96, PAUSES = 12, HALTS = 4, CANCELS = 60 };

void play_traffic(struct world *world)
{
    struct station *station = &world->stations[0];
    if (world_start_one(world) && station_prove(station, FRAMES_MANY))
        station_prove_recovery(station, FRAMES_SHORT);
}

void play_pause_restart(struct world *world)
{
    struct station *station = &world->stations[0];
    if (!world_start_one(world))
        return;
    world->may_lose = true; /* what arrives in Paused is dropped */
    station_load_start(station);
    for (unsigned i = 0; i < PAUSES && !world_failed(world); ++i) {
        world_sleep(random_between(&world->random, 0, 5));
        if (adapter_pause(station->adapter) != NT_NDIS_STATUS_SUCCESS)
            world_fail(world, "pause number %u did not succeed", i + 1);
        if (random_chance(&world->random, 50))
            world_sleep(random_between(&world->random, 0, 3));
        if (!station_restart(station))
            return;
    }
    station_prove_anew(station, FRAMES_SHORT);
}

void play_halt_in_traffic(struct world *world)
{
    struct station *station = &world->stations[0];
    if (!world_load(world))
        return;
    for (unsigned i = 0; i < HALTS && !world_failed(world); ++i) {
        if (!station_start(station) || !station_bind(station))
            return;
        world->may_lose = true;
        station_load_start(station);
        world_sleep(random_between(&world->random, 0, 10));
        adapter_halt(station->adapter, NT_NdisHaltDeviceDisabled); /* pauses it first, under full load */
        station_stop(station);
    }
    world->may_lose = false;
    if (!world_failed(world) && station_start(station) && station_bind(station))
        station_prove(station, FRAMES_SHORT);
}

void play_send_cancel(struct world *world)
{
    struct station *station = &world->stations[0];
    if (!world_start_one(world))
        return;
    world->may_lose = true; /* a cancelled send does not arrive */
    station_load_start(station);
    for (unsigned i = 0; i < CANCELS && !world_failed(world); ++i) {
        send_cancel_youngest(station->adapter->send); /* at both IRQLs, and an id of nobody */
        world_sleep(random_between(&world->random, 0, 1));
    }
    station_prove_anew(station, FRAMES_SHORT);
}
