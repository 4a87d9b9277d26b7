/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * scenario_filter.c - packet filter and multicast list change while frames come: afterwards exactly those arrive that are wanted, whoever
 * filters; and the OIDs end in time although the device does not answer any more.
 */
#include <inttypes.h>
#include <string.h>

#include "abi/nt_constants.h"
#include "ndis/miniport.h"
#include "pci/model/model_constants.h"
#include "pci/model/model_faults.h"
#include "rules/rules.h"
#include "scenario/conversation.h"
#include "scenario/scenario.h"

enum { ROUNDS = 24, GROUPS = 40, PROBES = 16, PROBE_BYTES = 64, SILENT_SETS = 6, FRAMES_SILENT = 8, FRAMES_SHORT = 96, LIST_MOST = 64 };

struct filter_play {
    struct world *world;
    struct station *station;
    struct conversation conversation;
    uint8_t groups[GROUPS][6];
    uint8_t list[LIST_MOST][6];
    unsigned list_count;
    uint32_t filter;
    uint32_t probe; /* number of the next */
};

/* ---- what is set ---- */

static void groups_choose(struct filter_play *play)
{
    struct random *random = &play->world->random;
    for (unsigned i = 0; i < GROUPS; ++i) {
        static const uint8_t ipv4[6] = {0x01, 0x00, 0x5E, 0, 0, 0}, ipv6[6] = {0x33, 0x33, 0, 0, 0, 0};
        memcpy(play->groups[i], random_chance(random, 50) ? ipv4 : ipv6, 6);
        play->groups[i][4] = (uint8_t)random_next(random);
        play->groups[i][5] = (uint8_t)i;
    }
}

static uint32_t filter_choose(const struct filter_play *play)
{
    static const uint32_t kinds[] = {NT_NDIS_PACKET_TYPE_DIRECTED, NT_NDIS_PACKET_TYPE_MULTICAST, NT_NDIS_PACKET_TYPE_ALL_MULTICAST,
                                     NT_NDIS_PACKET_TYPE_BROADCAST, NT_NDIS_PACKET_TYPE_PROMISCUOUS};
    static const unsigned percent[] = {75, 60, 15, 70, 12};
    uint32_t filter = 0;
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); ++i)
        filter |= random_chance(&play->world->random, percent[i]) ? kinds[i] : 0;
    return filter & play->station->adapter->attributes.general.SupportedPacketFilters;
}

static void set(struct filter_play *play, uint32_t oid, const void *buffer, uint32_t length)
{
    uint32_t status = adapter_oid_set(play->station->adapter, oid, buffer, length, NULL);
    if (status != NT_NDIS_STATUS_SUCCESS && !world_has_misfortune(play->world))
        world_fail(play->world, "OID 0x%08x, %u bytes, ended with 0x%08x", oid, length, status);
}

static void set_list(struct filter_play *play)
{
    struct random *random = &play->world->random;
    unsigned most = play->station->adapter->attributes.general.MaxMulticastListSize;
    most = most < GROUPS / 2 ? most : GROUPS / 2;
    play->list_count = random_chance(random, 15) ? 0 : random_between(random, 0, most);
    unsigned first = random_between(random, 0, GROUPS - 1);
    for (unsigned i = 0; i < play->list_count; ++i)
        memcpy(play->list[i], play->groups[(first + i) % GROUPS], 6);
    set(play, NT_OID_802_3_MULTICAST_LIST, play->list, play->list_count * 6);
}

static void set_filter(struct filter_play *play)
{
    play->filter = filter_choose(play);
    set(play, NT_OID_GEN_CURRENT_PACKET_FILTER, &play->filter, sizeof(play->filter));
}

/* ---- what comes ---- */

static bool is_wanted(const struct filter_play *play, const uint8_t to[6])
{
    static const uint8_t broadcast[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    if (play->filter & NT_NDIS_PACKET_TYPE_PROMISCUOUS)
        return true;
    if (memcmp(to, broadcast, 6) == 0)
        return play->filter & NT_NDIS_PACKET_TYPE_BROADCAST;
    if (!(to[0] & 1))
        return (play->filter & NT_NDIS_PACKET_TYPE_DIRECTED) && memcmp(to, play->station->mac, 6) == 0;
    if (play->filter & NT_NDIS_PACKET_TYPE_ALL_MULTICAST)
        return true;
    for (unsigned i = 0; i < play->list_count && (play->filter & NT_NDIS_PACKET_TYPE_MULTICAST); ++i)
        if (memcmp(play->list[i], to, 6) == 0)
            return true;
    return false;
}

static void probe(struct filter_play *play)
{
    struct random *random = &play->world->random;
    uint8_t frame[PROBE_BYTES] = {0};
    switch (random_between(random, 0, 4)) {
    case 0:
        memcpy(frame, play->station->mac, 6);
        break;
    case 1:
        memset(frame, 0xFF, 6);
        break;
    case 2: /* another station, one that differs in a bit */
        memcpy(frame, play->station->mac, 6);
        frame[random_between(random, 1, 5)] ^= (uint8_t)(1u << random_between(random, 0, 7));
        break;
    default:
        memcpy(frame, play->groups[random_between(random, 0, GROUPS - 1)], 6);
    }
    memcpy(frame + 6, conversation_mac, 6);
    frame[12] = 0x88;
    frame[13] = 0xB6;
    memcpy(frame + 14, &play->probe, sizeof(play->probe));
    play->probe++;
    if (is_wanted(play, frame))
        conversation_deliver(&play->conversation, frame, sizeof(frame));
    else
        conversation_deliver_unwanted(&play->conversation, frame, sizeof(frame));
}

static void round_play(struct filter_play *play)
{
    struct world *world = play->world;
    bool loaded = random_chance(&world->random, 50);
    if (loaded)
        station_load_start(play->station);
    for (unsigned i = random_between(&world->random, 1, 3); i > 0; --i) {
        bool list_first = random_chance(&world->random, 50);
        if (list_first)
            set_list(play);
        if (random_chance(&world->random, 80))
            set_filter(play);
        if (!list_first && random_chance(&world->random, 60))
            set_list(play);
    }
    station_load_stop(play->station);
    /* What was let in before, or filtered by what was set before, is over. */
    if (!station_settle(play->station))
        return;
    device_come_to_rest(play->station->device);
    unsigned surplus = rules_report_count("RCV-16");
    for (unsigned i = 0; i < PROBES && !world_failed(world); ++i)
        probe(play);
    if (!expected_all(&play->conversation.up))
        return;
    device_come_to_rest(play->station->device);
    if (rules_report_count("RCV-16") != surplus && !world_has_misfortune(world))
        world_fail(world, "%u frames were indicated that the packet filter 0x%x and the list of %u groups do not let through",
                   rules_report_count("RCV-16") - surplus, play->filter, play->list_count);
}

/* ---- a device that does not answer ---- */

static void silence(struct filter_play *play)
{
    struct world *world = play->world;
    struct model *model = device_model(play->station->device);
    if (!device_takes_commands(play->station->device, FEATURE_CTRL_VQ))
        return;
    world_expect_misfortune(world);
    world->may_lose = true;
    model_add_fault(model, FAULT_CONTROL_NEVER_COMPLETES, 1);
    /* Each is bounded by OID-06, a pause under it by its own rule. */
    for (unsigned i = 0; i < SILENT_SETS && !world_failed(world); ++i) {
        if (random_chance(&world->random, 50))
            set_list(play);
        set_filter(play);
        if (random_chance(&world->random, 25) && adapter_pause(play->station->adapter) == NT_NDIS_STATUS_SUCCESS)
            (void)adapter_restart(play->station->adapter);
        station_exchange(play->station, FRAMES_SILENT);
    }
    station_settle(play->station);
}

/* The device takes no commands, or says so: what it lets through is what it was told last, and nothing that the driver could change. */
static bool device_refuses_commands(const struct world *world)
{
    for (unsigned i = 0; i < world->device.model.fault_count; ++i) {
        unsigned kind = world->device.model.faults[i].kind;
        if (kind == FAULT_CONTROL_REFUSED || kind == FAULT_CONTROL_ACK_GARBAGE)
            return true;
    }
    return false;
}

void play_filter(struct world *world)
{
    struct station *station = &world->stations[0];
    struct filter_play play = {.world = world, .station = station};
    conversation_begin(&play.conversation, station);
    if (!world_start_one(world))
        goto over;
    if (device_refuses_commands(world))
        world_expect_misfortune(world);
    world->may_lose = true; /* of the load, whose frames are subject to the filter as others */
    groups_choose(&play);
    play.filter = station->adapter->current_packet_filter & ~(uint32_t)NT_NDIS_PACKET_TYPE_ALL_MULTICAST;
    set(&play, NT_OID_GEN_CURRENT_PACKET_FILTER, &play.filter, sizeof(play.filter));
    set_list(&play);
    for (unsigned i = 0; i < ROUNDS && !world_failed(world) && !station_device_gone(station); ++i)
        round_play(&play);
    struct model *model = device_model(station->device);
    if (device_takes_commands(station->device, FEATURE_CTRL_RX) && !model_filter(model).programmed && !world_has_misfortune(world))
        world_fail(world, "CTRL_RX was negotiated, and the device never told what to let through");
    /* As TCP/IP would set them again. */
    station_unbind(station);
    if (!world_failed(world) && !station_device_gone(station) && station_bind(station) && station_prove_anew(station, FRAMES_SHORT))
        silence(&play);
    station_unbind(station);
over:
    conversation_end(&play.conversation);
}
