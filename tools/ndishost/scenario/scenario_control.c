/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * scenario_control.c - filters are set from a thread of its own while the device carries control commands out and answers them late, or not
 * at all; meanwhile requests are cancelled, and the adapter is reset, paused, put to sleep, halted or removed. Each request ends in the
 * time that rule OID-06 allows, a cancelled one at once, and everything else in a bounded time, too.
 */
#include <stdio.h>
#include <string.h>

#include "abi/nt_constants.h"
#include "ndis/miniport.h"
#include "ndis/oid.h"
#include "pci/model/model_constants.h"
#include "scenario/scenario.h"

enum {
    FRAMES_SHORT = 96,
    DISTURBANCES = 6,
    GROUPS_MOST = 16,
    PENDING_MS = 1000, /* until a request is under way */
    CANCELLED_MS = 100,
    BOUND_MS = 12000, /* of whatever is done to the adapter: as long as a request may take */
    ANSWER_MS = 900,  /* the device's time for a command: just in time, for most drivers */
    VLANS = 40,       /* commands that a driver has to send at once after a reset */
    VLAN_TEXT = 8 + 5 * VLANS,
};

struct control_play {
    struct world *world;
    struct station *station;
    struct model *model;
    struct random random; /* the setter's */
    atomic_bool over, device_over;
    char vlans[VLAN_TEXT];
};

/* ---- who sets filters, and who answers ---- */

static void set_one(struct control_play *play)
{
    static const uint32_t kinds[] = {NT_NDIS_PACKET_TYPE_DIRECTED | NT_NDIS_PACKET_TYPE_BROADCAST,
                                     NT_NDIS_PACKET_TYPE_DIRECTED | NT_NDIS_PACKET_TYPE_MULTICAST,
                                     NT_NDIS_PACKET_TYPE_DIRECTED | NT_NDIS_PACKET_TYPE_ALL_MULTICAST, NT_NDIS_PACKET_TYPE_PROMISCUOUS, 0};
    uint8_t list[GROUPS_MOST][6];
    if (random_chance(&play->random, 50)) {
        uint32_t filter = kinds[random_between(&play->random, 0, sizeof(kinds) / sizeof(kinds[0]) - 1)];
        filter &= play->station->adapter->attributes.general.SupportedPacketFilters;
        (void)adapter_oid_set(play->station->adapter, NT_OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter), NULL);
        return;
    }
    unsigned most = play->station->adapter->attributes.general.MaxMulticastListSize;
    unsigned count = random_between(&play->random, 0, most < GROUPS_MOST ? most : GROUPS_MOST);
    for (unsigned i = 0; i < count; ++i) {
        const uint8_t group[6] = {0x01, 0x00, 0x5E, 0, (uint8_t)random_next(&play->random), (uint8_t)i};
        memcpy(list[i], group, sizeof(group));
    }
    (void)adapter_oid_set(play->station->adapter, NT_OID_802_3_MULTICAST_LIST, list, count * 6, NULL);
}

static void setter(void *argument)
{
    struct control_play *play = argument;
    while (!play->over && !world_failed(play->world)) {
        set_one(play);
        world_sleep(1);
    }
}

static void answerer(void *argument)
{
    struct control_play *play = argument;
    while (!play->device_over) {
        world_sleep(ANSWER_MS);
        (void)model_control_answer(play->model);
    }
}

/* ---- what is done meanwhile ---- */

static void await_request(struct control_play *play)
{
    uint64_t deadline = world_deadline(PENDING_MS);
    while (!oid_outstanding(play->station->adapter->oids) && sched_now() < deadline)
        world_sleep(1);
}

static void cancel(struct control_play *play)
{
    struct adapter *adapter = play->station->adapter;
    uintptr_t request = oid_youngest(adapter);
    if (!oid_outstanding(adapter->oids))
        return;
    bool raise = random_chance(&play->world->random, 50);
    uint8_t irql = raise ? irql_raise(IRQL_DISPATCH) : 0;
    oid_cancel(adapter, request);
    if (raise)
        irql_lower(irql);
    uint64_t deadline = world_deadline(CANCELLED_MS);
    while (oid_youngest(adapter) == request && oid_outstanding(adapter->oids) && sched_now() < deadline)
        world_sleep(1);
    if (oid_youngest(adapter) == request && oid_outstanding(adapter->oids))
        world_fail(play->world, "a request that was cancelled is still pending after %d ms", CANCELLED_MS);
}

/* Whatever is done to an adapter with a request that the device holds up. */
static void disturb(struct control_play *play)
{
    struct adapter *adapter = play->station->adapter;
    uint64_t began = sched_now();
    unsigned what = random_between(&play->world->random, 0, 4);
    static const char *const names[] = {"the cancellation", "the reset", "the pause", "sleep and awakening", "the hang check"};
    if (what == 0) {
        cancel(play);
    } else if (what == 1) {
        adapter_reset(adapter);
    } else if (what == 2) {
        adapter_pause(adapter);
        if (!station_restart(play->station))
            return;
    } else if (what == 3) {
        adapter_power_down(adapter);
        adapter_power_up(adapter);
    } else {
        adapter_check_for_hang(adapter);
    }
    /* Sleep and awakening are two requests, each of which waits for its turn. */
    unsigned took = (unsigned)((sched_now() - began) / TICKS_PER_MS), bound = what == 3 ? 3 * BOUND_MS : BOUND_MS;
    if (took > bound)
        world_fail(play->world, "%s took %u ms while the device held commands up", names[what], took);
}

/* The adapter goes while a request is under way: the request ends, and then the adapter is halted, or was gone already. */
static void go(struct control_play *play, struct sched_thread *setting)
{
    uint64_t began = sched_now();
    bool gone = random_chance(&play->world->random, 40);
    play->over = true;
    if (gone)
        adapter_surprise_removal(play->station->adapter);
    sched_thread_join(setting);
    if (gone)
        station_remove_by_surprise(play->station);
    else
        station_stop(play->station);
    unsigned took = (unsigned)((sched_now() - began) / TICKS_PER_MS);
    if (took > 2 * BOUND_MS)
        world_fail(play->world, "%s took %u ms while the device held commands up", gone ? "the removal" : "the halt", took);
}

/* ---- the scenario ---- */

static void vlans_configure(struct control_play *play)
{
    size_t length = (size_t)snprintf(play->vlans, sizeof(play->vlans), "multi:");
    for (unsigned i = 0; i < VLANS; ++i)
        length += (size_t)snprintf(play->vlans + length, sizeof(play->vlans) - length, "%s%u", i ? ";" : "", 100 + i);
    world_set_keyword(play->world, "Device Parameters\\AeroVirtioNet\\VlanIds", play->vlans);
}

static void play_on(struct control_play *play)
{
    struct world *world = play->world;
    bool silent = random_chance(&world->random, 50);
    world_expect_misfortune(world);
    world->may_lose = true;
    model_control_hold(play->model, true);
    struct sched_thread *answering = silent ? NULL : sched_thread_start("answers late", SCHED_ANY_PROCESSOR, answerer, play);
    struct sched_thread *setting = sched_thread_start("sets filters", SCHED_ANY_PROCESSOR, setter, play);
    for (unsigned i = 0; i < DISTURBANCES && !world_failed(world); ++i) {
        await_request(play);
        world_sleep(random_between(&world->random, 0, 50));
        disturb(play);
    }
    await_request(play);
    if (!world_failed(world)) {
        go(play, setting);
    } else {
        play->over = true;
        sched_thread_join(setting);
    }
    play->device_over = true;
    if (answering)
        sched_thread_join(answering);
}

void play_control(struct world *world)
{
    static struct control_play play; /* one per process */
    play.world = world;
    play.station = &world->stations[0];
    random_start(&play.random, world->options->seed, SCHED_STREAM_COUNT + STATIONS_MAX);
    vlans_configure(&play);
    if (!world_start_one(world))
        return;
    play.model = device_model(play.station->device);
    if (!play.model || !(model_condition(play.model).accepted & FEATURE_BIT(FEATURE_CTRL_VQ))) {
        world_inapplicable(world, "no control queue was negotiated");
        return;
    }
    if (station_prove(play.station, FRAMES_SHORT))
        play_on(&play);
}
