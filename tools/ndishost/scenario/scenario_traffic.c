/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* scenario_traffic.c - frames both ways, and what stops and starts them: pause, halt, cancel. */
#include "abi/nt_constants.h"
#include "ndis/miniport.h"
#include "ndis/send.h"
#include "scenario/scenario.h"

enum {
    FRAMES_MANY = 1024,
    FRAMES_SHORT = 96,
    FRAMES_FEW = 4,
    LATE_ROUNDS = 4, /* of frames that nobody announces */
    PAUSES = 12,
    HALTS = 4,
    CANCELS = 60,
    HELD_MS = 1200,    /* sends, by a device that is only slow ... */
    JUDGED_MS = 1800,  /* ... unless a slow processor made more of it: many a driver gives up after two seconds */
    MEANWHILE_MS = 20, /* between frames that come in while a pause waits */
};

void play_traffic(struct world *world)
{
    struct station *station = &world->stations[0];
    if (world_start_one(world) && station_prove(station, FRAMES_MANY))
        station_prove_recovery(station, FRAMES_SHORT);
}

/* ---- pause ---- */

/* While a pause waits for its sends frames come in; after a time the device goes on with the sends. */
static void come_round(void *argument)
{
    struct station *station = argument;
    static const uint8_t frame[ORDINARY_FRAME] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02, [12] = 0x88, 0xB5};
    uint64_t end = world_deadline(HELD_MS);
    while (sched_now() < end && !world_failed(station->world)) {
        device_send_in(station->device, frame, sizeof(frame));
        world_sleep(MEANWHILE_MS);
    }
    model_transmit_hold(device_model(station->device), false);
}

/*
 * A device whose interrupts are all lost, and which takes a second for its sends: a pause has to be patient with it, although nobody but a
 * timer looks after the rings. The device is not as it was afterwards.
 */
static void pause_slow_device(struct station *station)
{
    struct world *world = station->world;
    struct model *model = device_model(station->device);
    int lost = model_fault_find("interrupts-lost");
    if (lost < 0 || !model_add_fault(model, (unsigned)lost, 1))
        return;
    pci_function_expect_device_failure(device_function(station->device), true);
    world_expect_misfortune(world);
    /* Until the driver, by several hang checks, relies on no interrupt any more. */
    for (unsigned i = 0; i < LATE_ROUNDS && !world_failed(world); ++i) {
        station_exchange(station, FRAMES_FEW);
        if (!station_settle(station))
            return;
    }
    model_transmit_hold(model, true);
    station_exchange(station, FRAMES_FEW);
    uint64_t began = sched_now(), resets = model_counts(model).resets;
    struct sched_thread *thread = sched_thread_start("device", SCHED_ANY_PROCESSOR, come_round, station);
    if (adapter_pause(station->adapter) != NT_NDIS_STATUS_SUCCESS)
        world_fail(world, "the pause of a slow device did not succeed");
    sched_thread_join(thread);
    unsigned waited = (unsigned)((sched_now() - began) / TICKS_PER_MS);
    if (waited < JUDGED_MS && model_counts(model).resets != resets)
        world_fail(world, "a pause gave the device less than %u ms for its sends, and reset it", waited);
    if (!world_failed(world))
        station_restart(station);
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
    if (station_prove_anew(station, FRAMES_SHORT) && device_model(station->device) && !world_has_misfortune(world))
        pause_slow_device(station);
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
