/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* scenario_strike.c - the device breaks down in the middle of traffic: the adapter is soon back, or at least nothing waits for ever. */
#include <string.h>

#include "abi/nt_constants.h"
#include "ndis/adapter.h"
#include "rules/rules.h"
#include "scenario/scenario.h"

enum {
    STRIKES = 4,
    FRAMES_SHORT = 64,
    RECOVERY_MS = 1000, /* from the moment when the driver can know, or has decided, to frames both ways */
    NOTICE_MS = 30000,  /* several hang checks */
    BOUND_MS = 5000,    /* of whatever NDIS waits for */
    LOAD_MS = 20,
    REST_MS = 50,
    ALONE_MS = 400000,
    ENTRIES_MOST = 40,
    VIRTIO_DRIVER_OK = 4, /* device_status */
    VIRTIO_NEEDS_RESET = 64,
};

/* The device, from now on. False: not a model device, or nobody can do it. */
static bool strike(struct world *world, struct station *station, const char *name)
{
    struct model *model = device_model(station->device);
    int kind = model_fault_find(name);
    if (!model || kind < 0 || !model_add_fault(model, (unsigned)kind, 1))
        return false;
    TRACE("check", "the device is to do: %s", name);
    pci_function_expect_device_failure(device_function(station->device), true);
    world_expect_misfortune(world);
    return true;
}

static unsigned since(uint64_t moment)
{
    return (unsigned)((sched_now() - moment) / TICKS_PER_MS);
}

/* ---- recovery ---- */

/* Waits until `*count`, one of the device's, is more than `before`; false: it stays. */
static bool wait_for_more(struct station *station, const uint64_t *count, struct model_counts *counts, uint64_t before)
{
    uint64_t deadline = world_deadline(NOTICE_MS);
    for (;;) {
        *counts = model_counts(device_model(station->device));
        if (*count > before)
            return true;
        if (sched_now() >= deadline || world_failed(station->world))
            return false;
        world_sleep(1);
    }
}

/*
 * The driver has set the device up again, and is done with it: it may have found the cause itself and in NDIS's hang check, too. Looks
 * often: a seed that prefers this thread to the driver's lets the whole of every sleep pass before the driver goes on.
 */
static bool wait_for_device(struct station *station)
{
    struct model *model = device_model(station->device);
    uint64_t deadline = world_deadline(RECOVERY_MS), resets = model_counts(model).resets, now;
    for (unsigned quiet = 0; quiet < REST_MS;) {
        world_sleep(1);
        if (sched_now() >= deadline || world_failed(station->world))
            return false;
        now = model_counts(model).resets;
        bool up = (model_condition(model).status & (VIRTIO_DRIVER_OK | VIRTIO_NEEDS_RESET)) == VIRTIO_DRIVER_OK;
        quiet = up && now == resets && !adapter_facts(station->adapter).checking ? quiet + 1 : 0;
        resets = now;
    }
    return true;
}

static bool same_filter(const struct model_filter *one, const struct model_filter *other)
{
    return one->programmed == other->programmed && one->promiscuous == other->promiscuous && one->all_multicast == other->all_multicast &&
           one->no_broadcast == other->no_broadcast && memcmp(one->mac, other->mac, sizeof(one->mac)) == 0 &&
           one->unicast_count == other->unicast_count && one->multicast_count == other->multicast_count &&
           memcmp(one->multicast, other->multicast, one->multicast_count * sizeof(one->multicast[0])) == 0 &&
           memcmp(one->vlans, other->vlans, sizeof(one->vlans)) == 0;
}

/* What the driver had told the device, it tells it again. */
static void expect_settings(struct station *station, const struct model_filter *wanted)
{
    uint64_t deadline = world_deadline(RECOVERY_MS);
    struct model_filter filter;
    while (filter = model_filter(device_model(station->device)), !same_filter(&filter, wanted) && sched_now() < deadline)
        world_sleep(1);
    if (!same_filter(&filter, wanted))
        world_fail(station->world, "station %u: after the reset the device filters otherwise than before", station->index);
}

/* One breakdown, in the middle of load. `stalls`: only hang checks can find it, so the time counts from the reset on. */
static bool break_down(struct world *world, struct station *station, const char *name, bool stalls)
{
    struct model *model = device_model(station->device);
    struct model_filter filter = model_filter(model);
    struct model_counts before = model_counts(model), now = before;
    unsigned entries = event_log_count();
    world->may_lose = true;
    station_load_start(station);
    world_sleep(random_between(&world->random, 1, LOAD_MS));
    if (!strike(world, station, name)) {
        world_fail(world, "the device cannot do: %s", name);
        return false;
    }
    if (!wait_for_more(station, &now.faults_fired, &now, before.faults_fired)) {
        world_fail(world, "\"%s\" did not come about", name);
        return false;
    }
    uint64_t moment = sched_now();
    if (!wait_for_more(station, &now.resets, &now, before.resets)) {
        world_fail(world, "the device did \"%s\", and was not reset within %d s", name, NOTICE_MS / 1000);
        return false;
    }
    if (stalls)
        moment = sched_now();
    station_load_stop(station);
    if (!wait_for_device(station)) {
        world_fail(world, "after \"%s\" the device was not set up again within %d ms", name, RECOVERY_MS);
        return false;
    }
    world->misbehaves = false; /* it strikes once */
    if (!station_wait_link(station, LINK_UP) || !station_prove_anew(station, FRAMES_SHORT))
        return false;
    if (since(moment) >= RECOVERY_MS)
        world_fail(world, "after \"%s\" it took %u ms until frames went both ways again", name, since(moment));
    if (event_log_count() == entries)
        world_fail(world, "the device did \"%s\", and the event log does not say so", name);
    expect_settings(station, &filter);
    return !world_failed(world);
}

void play_recovery(struct world *world)
{
    static const struct {
        const char *name;
        bool stalls;
    } strikes[] = {
        {"needs-reset", false},    {"needs-reset-at-access", false}, {"used-id-out-of-range", false},
        {"used-idx-jumps", false}, {"used-len-too-large", false},    {"stalls", true},
    };
    struct station *station = &world->stations[0];
    if (!world_start_one(world))
        return;
    if (!device_model(station->device) || world->misbehaves) {
        world_inapplicable(world, "only a model device of good will can be made to misbehave at will");
        return;
    }
    for (unsigned i = 0; i < STRIKES && !world_failed(world); ++i) {
        unsigned which = random_between(&world->random, 0, sizeof(strikes) / sizeof(strikes[0]) - 1);
        if (!break_down(world, station, strikes[which].name, strikes[which].stalls))
            return;
        /* Resets that follow each other at once are not made: the next hang check allows them again. */
        world_sleep(BOUND_MS);
    }
}

/* ---- bounds ---- */

static void expect_bound(struct world *world, const char *what, const char *name, uint64_t began)
{
    if (since(began) > BOUND_MS)
        world_fail(world, "%s took %u ms while the device did: %s", what, since(began), name);
}

/* Whatever NDIS may do to a running adapter comes to an end. False: the adapter is down. */
static bool disturb(struct world *world, struct station *station, const char *name)
{
    uint64_t began = sched_now();
    switch (random_between(&world->random, 0, 4)) {
    case 0:
        adapter_pause(station->adapter);
        expect_bound(world, "the pause", name, began);
        return station_restart(station);
    case 1:
        adapter_reset(station->adapter);
        expect_bound(world, "the reset", name, began);
        return true;
    case 2:
        adapter_power_down(station->adapter);
        expect_bound(world, "D3", name, began);
        began = sched_now();
        adapter_power_up(station->adapter);
        expect_bound(world, "D0", name, began);
        return true;
    case 3:
        station_load_stop(station);
        began = sched_now();
        station_remove_by_surprise(station);
        expect_bound(world, "the surprise removal", name, began);
        return false;
    default:
        adapter_halt(station->adapter, NT_NdisHaltDeviceDisabled);
        expect_bound(world, "pause and halt", name, began);
        return false;
    }
}

/* Left alone with such a device for a while: whatever a driver says of it again and again, the event log is there for others too. */
static void expect_reticence(struct world *world, struct station *station, const char *name)
{
    station_load_stop(station);
    unsigned before = event_log_count();
    world_sleep(ALONE_MS);
    unsigned entries = event_log_count() - before;
    if (entries > ENTRIES_MOST)
        world_fail(world, "within %d s the driver wrote %u entries into the event log while the device did: %s", ALONE_MS / 1000, entries,
                   name);
}

void play_stubborn(struct world *world)
{
    static const char *const strikes[] = {"never-completes",         "stalls",      "status-stuck",
                                          "interrupts-lost",         "needs-reset", "features-refused",
                                          "control-never-completes", "slow"};
    const char *name = strikes[random_between(&world->random, 0, sizeof(strikes) / sizeof(strikes[0]) - 1)];
    struct station *station = &world->stations[0];
    bool up = true;
    if (!world_start_one(world))
        return;
    if (!device_model(station->device)) {
        world_inapplicable(world, "only a model device can be made to misbehave at will");
        return;
    }
    world->may_lose = true;
    station_load_start(station);
    world_sleep(random_between(&world->random, 0, LOAD_MS));
    if (!strike(world, station, name)) {
        world_fail(world, "the device cannot do: %s", name);
        return;
    }
    for (unsigned i = 0; i < STRIKES && up && !world_failed(world); ++i) {
        world_sleep(random_between(&world->random, 0, LOAD_MS));
        up = disturb(world, station, name);
    }
    /* Lost interrupts are found by traffic only, and told once: there is nothing to hear when it is quiet. */
    if (up && !world_failed(world) && strcmp(name, "interrupts-lost") != 0)
        expect_reticence(world, station, name);
    uint64_t began = sched_now();
    station_stop(station);
    /* Waiting for the event log is ours. */
    if (up && since(began) > BOUND_MS + NOTICE_MS)
        world_fail(world, "pause and halt took %u ms while the device did: %s", since(began), name);
}
