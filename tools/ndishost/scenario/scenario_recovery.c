/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* scenario_recovery.c - what a driver has to come back from: resets, sleep, want of memory. */
#include "abi/nt_constants.h"
#include "abi/nt_types.h"
#include "rules/acquire.h"
#include "scenario/scenario.h"

enum { FRAMES_SHORT = 96, RESETS = 10, SLEEPS = 4, LOW_MEMORY_STEPS = 24, REFUSED_ONE_IN = 8 };

void play_reset(struct world *world)
{
    struct station *station = &world->stations[0];
    if (!world_start_one(world))
        return;
    world->may_lose = true; /* sends that a reset meets may fail */
    station_load_start(station);
    for (unsigned i = 0; i < RESETS && !world_failed(world); ++i) {
        world_sleep(random_between(&world->random, 0, 5));
        if (random_chance(&world->random, 30)) {
            adapter_check_for_hang(station->adapter);
            continue;
        }
        uint32_t status = adapter_reset(station->adapter);
        if (status == NT_NDIS_STATUS_NOT_RESETTABLE) {
            world_inapplicable(world, "the driver cannot be reset");
            return;
        }
        if (status != NT_NDIS_STATUS_SUCCESS && status != NT_NDIS_STATUS_RESET_IN_PROGRESS && status != NT_NDIS_STATUS_SOFT_ERRORS &&
            !world_has_misfortune(world))
            world_fail(world, "reset number %u ended with 0x%08x", i + 1, status);
        /* Now and then it meets a pause (ST-03). */
        if (random_chance(&world->random, 25) && (adapter_pause(station->adapter) != NT_NDIS_STATUS_SUCCESS || !station_restart(station)))
            return;
    }
    if (station_wait_link(station, LINK_UP) && station_prove_anew(station, FRAMES_SHORT))
        station_prove_recovery(station, FRAMES_SHORT);
}

void play_power(struct world *world)
{
    struct station *station = &world->stations[0];
    if (!world_start_one(world))
        return;
    for (unsigned i = 0; i < SLEEPS && !world_failed(world); ++i) {
        world->may_lose = true;
        station_load_start(station);
        world_sleep(random_between(&world->random, 0, 10));
        adapter_power_down(station->adapter);
        world_sleep(random_between(&world->random, 0, 50));
        uint32_t status = adapter_power_up(station->adapter);
        if (status != NT_NDIS_STATUS_SUCCESS) {
            if (!world_has_misfortune(world))
                world_fail(world, "the adapter did not wake up: 0x%08x", status);
            return;
        }
        if (!station_wait_link(station, LINK_UP) || !station_prove_anew(station, FRAMES_SHORT / 2))
            return;
    }
}

/* Whatever NDIS may ask of a running adapter, with and without success. */
static void disturb(struct world *world, struct station *station)
{
    uint32_t filter = NT_NDIS_PACKET_TYPE_DIRECTED | NT_NDIS_PACKET_TYPE_BROADCAST;
    nt_NDIS_STATISTICS_INFO statistics = {0};
    switch (random_between(&world->random, 0, 5)) {
    case 0:
        adapter_pause(station->adapter);
        /* A restart may fail for want of memory; then it is tried again until it does not. */
        for (unsigned tries = 0; adapter_restart(station->adapter) != NT_NDIS_STATUS_SUCCESS && tries < 100; ++tries)
            world_sleep(1);
        break;
    case 1:
        adapter_reset(station->adapter);
        break;
    case 2:
        adapter_check_for_hang(station->adapter);
        break;
    case 3:
        adapter_oid_query(station->adapter, NT_OID_GEN_STATISTICS, &statistics, sizeof(statistics), NULL, NULL);
        break;
    case 4:
        adapter_oid_set(station->adapter, NT_OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter), NULL);
        break;
    default:
        world_sleep(random_between(&world->random, 0, 5));
    }
}

void play_low_memory(struct world *world)
{
    struct station *station = &world->stations[0];
    if (!world_start_one(world))
        return;
    world->may_lose = true;
    station_load_start(station);
    acquire_refuse_some(REFUSED_ONE_IN, world->options->seed);
    for (unsigned i = 0; i < LOW_MEMORY_STEPS && !world_failed(world); ++i)
        disturb(world, station);
    station_load_stop(station);
    station_settle(station);
    /* Memory is back: no more excuse. */
    acquire_reset();
    if (!world_failed(world) && station_wait_link(station, LINK_UP))
        station_prove_anew(station, FRAMES_SHORT);
}
