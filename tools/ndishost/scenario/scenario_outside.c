/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* scenario_outside.c - what happens to the machine from outside: the cable, the device, the clock. */
#include <inttypes.h>

#include "scenario/scenario.h"

enum {
    FRAMES_SHORT = 96,
    FLAPS = 12,
    TELLINGS_PROVOKED = 64,
    TELLINGS_MOST = 16, /* in a row */
    TOLD_SOON_MS = 100, /* much sooner than the next hang check */
    JUMPS = 8,
    JUMP_REST_MS = 100,
    ACCESSES_OF_A_SHORT_LIFE = 900,
};

/* ---- the cable ---- */

/* A cable that is moved again as often as the driver tells of it. */
struct loose_cable {
    struct station *station;
    void *checker;             /* the thread that calls MiniportCheckForHangEx */
    atomic_uint told;          /* changes */
    atomic_uint told_in_check; /* ... by that thread */
};

/* Where that can be waited for the driver learns of the next change before it returns from telling of this one. */
static void move_again(void *context)
{
    struct loose_cable *cable = context;
    struct station *station = cable->station;
    unsigned told = atomic_fetch_add(&cable->told, 1);
    /* A DPC, which interrupts it, has its key: each tells of what it was told by an interrupt of its own. */
    if (sched_current_thread_key() == cable->checker && irql_current() == IRQL_PASSIVE)
        atomic_fetch_add(&cable->told_in_check, 1);
    if (told >= TELLINGS_PROVOKED)
        return;
    pci_function_set_link(device_function(station->device), station->link != LINK_UP);
    if (irql_current() == IRQL_PASSIVE)
        sched_dpc_flush();
}

/* A driver that tells until there is nothing new is held by such a cable for ever; one that stops goes on soon. */
static void flap_while_told(struct world *world, struct station *station)
{
    struct model *model = device_model(station->device);
    struct loose_cable cable = {.station = station, .checker = sched_current_thread_key()};
    /* The hang check is to find the first change, on this thread. */
    if (!model || !model_add_fault(model, (unsigned)model_fault_find("interrupt-lost"), 1))
        return;
    device_come_to_rest(station->device);
    station->told_context = &cable;
    station->told = move_again;
    pci_function_set_link(device_function(station->device), false);
    adapter_check_for_hang(station->adapter);
    unsigned before = cable.told;
    if (cable.told_in_check > TELLINGS_MOST)
        world_fail(world, "one hang check told of %u changes of the link, and would have gone on", cable.told_in_check);
    world_sleep(TOLD_SOON_MS);
    if (before < TELLINGS_PROVOKED && cable.told == before && !world_has_misfortune(world))
        world_fail(world, "the link changed while it was told of, and %d ms later NDIS does not know", TOLD_SOON_MS);
    for (unsigned waited = 0;
         cable.told <= TELLINGS_PROVOKED && waited < PATIENCE_MS && !world_failed(world) && !station_device_gone(station); ++waited)
        world_sleep(1);
    device_come_to_rest(station->device);
    station->told = NULL;
    if (cable.told <= TELLINGS_PROVOKED && !world_failed(world) && !world_has_misfortune(world))
        world_fail(world, "only %u changes of the link were told of", cable.told);
}

void play_link_flap(struct world *world)
{
    struct station *station = &world->stations[0];
    if (!world_start_one(world))
        return;
    if (!pci_function_set_link(device_function(station->device), true)) {
        world_inapplicable(world, "the cable of this device cannot be pulled");
        return;
    }
    world->may_lose = true;
    station_load_start(station);
    for (unsigned i = 0; i < FLAPS && !world_failed(world); ++i) {
        bool up = i % 2;
        pci_function_set_link(device_function(station->device), up);
        /* Twice in a row without a rest: the driver sees only the last state, or all of them. */
        if (random_chance(&world->random, 25)) {
            pci_function_set_link(device_function(station->device), !up);
            pci_function_set_link(device_function(station->device), up);
        }
        if (random_chance(&world->random, 70) && !station_wait_link(station, up ? LINK_UP : LINK_DOWN))
            return;
        world_sleep(random_between(&world->random, 0, 5));
    }
    pci_function_set_link(device_function(station->device), true);
    if (!station_wait_link(station, LINK_UP) || !station_prove_anew(station, FRAMES_SHORT))
        return;
    if (!world_has_misfortune(world)) {
        flap_while_told(world, station);
        pci_function_set_link(device_function(station->device), true);
        station_wait_link(station, LINK_UP);
    }
}

/* ---- the device ---- */

/* Gone at a register access: the driver finds out first, Windows says so later. */
static void vanish_at_an_access(struct world *world, struct station *station)
{
    world->cut_at = random_between(&world->random, 1, ACCESSES_OF_A_SHORT_LIFE);
    if (station_start(station) && station_bind(station)) {
        station_load_start(station);
        uint64_t deadline = world_deadline(200);
        while (!station_device_gone(station) && sched_now() < deadline && !world_failed(world))
            world_sleep(1);
        world_sleep(random_between(&world->random, 0, 10)); /* all ones for a while */
    }
}

/* Gone between two accesses, and Windows says so at once; frames go both ways, or nothing does. */
static void vanish_by_itself(struct world *world, struct station *station)
{
    if (!station_start(station))
        return;
    if (random_chance(&world->random, 80)) {
        if (!station_bind(station))
            return;
        station_load_start(station);
        world_sleep(random_between(&world->random, 0, 15));
    }
    if (random_chance(&world->random, 30))
        pci_function_detach(device_function(station->device)); /* station_stop() notices */
    else
        station_remove_by_surprise(station);
}

void play_surprise_removal(struct world *world)
{
    struct station *station = &world->stations[0];
    world->may_lose = true;
    if (!world_load(world))
        return;
    if (random_chance(&world->random, 50))
        vanish_at_an_access(world, station);
    else
        vanish_by_itself(world, station);
    station_stop(station);
    station_unplug(station);
    if (world_failed(world))
        return;
    /* Another device comes into the slot. */
    world->cut_at = 0;
    world->may_lose = false;
    if (station_start(station) && station_bind(station))
        station_prove(station, FRAMES_SHORT);
}

/* ---- the clock ---- */

/* 0 for other devices than the model. */
static uint64_t resets_of(struct station *station)
{
    return device_model(station->device) ? model_counts(device_model(station->device)).resets : 0;
}

void play_clock_jump(struct world *world)
{
    static const unsigned seconds[] = {1, 3, 10, 60, 3600, 86400, 30 * 86400};
    struct station *station = &world->stations[0];
    if (!world_start_one(world))
        return;
    world->may_lose = true;
    uint64_t resets = resets_of(station);
    station_load_start(station);
    for (unsigned i = 0; i < JUMPS && !world_failed(world); ++i) {
        world_sleep(random_between(&world->random, JUMP_REST_MS / 4, JUMP_REST_MS)); /* not faster than anything can be completed */
        unsigned jump = seconds[random_between(&world->random, 0, sizeof(seconds) / sizeof(seconds[0]) - 1)];
        sched_clock_jump((uint64_t)jump * 1000 * TICKS_PER_MS);
    }
    if (!world_failed(world) && !world->misbehaves && resets_of(station) != resets)
        world_fail(world, "a jump of the clock was taken for a stall: the device was reset %" PRIu64 " times", resets_of(station) - resets);
    world_sleep(JUMP_REST_MS);
    station_prove_anew(station, FRAMES_SHORT);
}
