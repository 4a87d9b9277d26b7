/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* scenario_oid.c - OIDs of every kind and length, as fast as they are answered, while frames go both ways. */
#include <stdlib.h>
#include <string.h>

#include "abi/nt_constants.h"
#include "ndis/oid.h"
#include "scenario/scenario.h"

enum { FRAMES_SHORT = 96, OIDS_MAX = 256, LENGTH_MOST = 80, LARGE = 4096, STORM_RANDOM = 400 };
#define IPSEC_FIRST NT_OID_TCP_TASK_IPSEC_OFFLOAD_V2_ADD_SA /* what Windows 7 asks directly */

struct storm {
    struct world *world;
    struct station *station;
    struct random random; /* the canceller's */
    struct random direct; /* of the one who asks directly */
    atomic_bool over;
    uint8_t buffer[LARGE];
};

/* OIDs whose set ends or changes the adapter's work in ways that are scenarios of their own. */
static bool is_for_others(uint32_t oid)
{
    return oid == NT_OID_PNP_SET_POWER || oid == NT_OID_PNP_QUERY_POWER;
}

static void fill(struct storm *storm, uint32_t length)
{
    struct random *random = &storm->world->random;
    int kind = (int)random_between(random, 0, 3);
    for (uint32_t at = 0; at < length; ++at)
        storm->buffer[at] = kind == 0 ? 0 : kind == 1 ? 0xFF : kind == 2 ? (uint8_t)(at % 4 ? 0 : 1) : (uint8_t)random_next(random);
}

/* Requests whose header NDIS sees to have something random behind a right one, now and then. */
static void put_header(struct storm *storm, uint32_t oid, uint32_t length)
{
    bool parameters = oid == NT_OID_TCP_OFFLOAD_PARAMETERS;
    if ((!parameters && oid != NT_OID_OFFLOAD_ENCAPSULATION) || length < NT_NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_1 ||
        random_chance(&storm->world->random, 30))
        return;
    storm->buffer[0] = parameters ? NT_NDIS_OBJECT_TYPE_DEFAULT : NT_NDIS_OBJECT_TYPE_OFFLOAD_ENCAPSULATION;
    storm->buffer[1] = 1;
    storm->buffer[2] = parameters ? NT_NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_1 : NT_NDIS_SIZEOF_OFFLOAD_ENCAPSULATION_REVISION_1;
    storm->buffer[3] = 0;
    for (uint32_t at = 4; at < length; ++at) /* values near the legal ones, mostly */
        storm->buffer[at] = (uint8_t)(storm->buffer[at] & (random_chance(&storm->world->random, 90) ? 3 : 255));
}

static void ask(struct storm *storm, uint32_t type, uint32_t oid, uint32_t length)
{
    if (is_for_others(oid) || world_failed(storm->world) || station_device_gone(storm->station))
        return;
    fill(storm, length);
    put_header(storm, oid, length);
    /* NDIS keeps what was set: the filter decides which frames may come. */
    if (type == NT_NdisRequestSetInformation)
        adapter_oid_set(storm->station->adapter, oid, storm->buffer, length, NULL);
    else
        oid_request(storm->station->adapter, type, oid, storm->buffer, length);
}

/* Every listed OID with every short length, both ways; statistics and lists have larger ones. */
static void ask_all_lengths(struct storm *storm, const uint32_t *oids, unsigned count)
{
    for (unsigned i = 0; i < count; ++i) {
        for (uint32_t length = 0; length <= LENGTH_MOST; length += random_between(&storm->world->random, 1, 4)) {
            ask(storm, NT_NdisRequestQueryInformation, oids[i], length);
            ask(storm, NT_NdisRequestSetInformation, oids[i], length);
        }
        ask(storm, NT_NdisRequestQueryInformation, oids[i], LARGE);
        ask(storm, NT_NdisRequestQueryStatistics, oids[i], LARGE);
    }
}

static void ask_at_random(struct storm *storm, const uint32_t *oids, unsigned count)
{
    static const uint32_t types[] = {NT_NdisRequestQueryInformation, NT_NdisRequestSetInformation, NT_NdisRequestQueryStatistics,
                                     NT_NdisRequestMethod};
    static const uint32_t families[] = {0x00010100, 0x00020100, 0x01010100, 0xFC010200, 0xFD010100, 0xFF000000};
    struct random *random = &storm->world->random;
    for (unsigned i = 0; i < STORM_RANDOM; ++i) {
        uint32_t oid = random_chance(random, 40) ? oids[random_between(random, 0, count - 1)]
                                                 : families[random_between(random, 0, 5)] + random_between(random, 0, 0x40);
        /* Methods are of no OID of an Ethernet miniport. */
        ask(storm, types[random_between(random, 0, 3)], oid, random_chance(random, 90) ? random_between(random, 0, LENGTH_MOST) : LARGE);
    }
}

/* Direct requests, which nothing serialises, from a thread of their own: listed OIDs and others, at both IRQLs, some cancelled. */
static void direct_thread(void *argument)
{
    struct storm *storm = argument;
    uint8_t data[LENGTH_MOST];
    while (!storm->over && !world_failed(storm->world) && !station_device_gone(storm->station)) {
        uint32_t type = random_chance(&storm->direct, 50) ? NT_NdisRequestQueryInformation : NT_NdisRequestSetInformation;
        uint32_t oid = random_chance(&storm->direct, 50) ? IPSEC_FIRST + random_between(&storm->direct, 0, 2)
                                                         : 0xFF000000u + random_between(&storm->direct, 0, 0x40);
        uint32_t length = random_between(&storm->direct, 0, LENGTH_MOST);
        memset(data, (int)random_between(&storm->direct, 0, 255), sizeof(data));
        oid_direct_request(storm->station->adapter, type, oid, data, length, random_chance(&storm->direct, 50));
        oid_direct_cancel(storm->station->adapter, oid_direct_youngest(storm->station->adapter));
        world_sleep(1);
    }
}

/* As TCP/IP tells them when they come and go; a list of any other shape comes with the random requests. */
static void tell_addresses(struct storm *storm)
{
    struct network_addresses addresses = {.ipv4 = {192, 0, 2, 1}, .ipv6 = {0x20, 0x01, 0x0D, 0xB8, [15] = 1}};
    if (world_failed(storm->world) || station_device_gone(storm->station))
        return;
    upper_edge_tell_addresses(storm->station->adapter, &addresses);
    upper_edge_tell_addresses(storm->station->adapter, NULL);
    upper_edge_tell_addresses(storm->station->adapter, &addresses);
}

/* Cancels what may be pending now, at both IRQLs, and what never existed. */
static void cancel_thread(void *argument)
{
    struct storm *storm = argument;
    while (!storm->over) {
        bool raise = random_chance(&storm->random, 50); /* IRQL-09 */
        uint8_t irql = raise ? irql_raise(IRQL_DISPATCH) : 0;
        oid_cancel(storm->station->adapter, random_chance(&storm->random, 80) ? oid_youngest(storm->station->adapter) : 0xDEADu);
        if (raise)
            irql_lower(irql);
        world_sleep(1);
    }
}

static unsigned take_list(struct station *station, uint32_t *oids)
{
    uint32_t transferred = 0;
    uint32_t status = adapter_oid_query(station->adapter, NT_OID_GEN_SUPPORTED_LIST, oids, OIDS_MAX * sizeof(*oids), &transferred, NULL);
    if (status == NT_NDIS_STATUS_SUCCESS && transferred >= sizeof(*oids))
        return transferred / (unsigned)sizeof(*oids);
    world_fail(station->world, "OID_GEN_SUPPORTED_LIST ended with 0x%08x", status);
    return 0;
}

void play_oid_storm(struct world *world)
{
    static uint32_t oids[OIDS_MAX]; /* one storm per process */
    struct station *station = &world->stations[0];
    if (!world_start_one(world))
        return;
    unsigned count = take_list(station, oids);
    struct storm *storm = calloc(1, sizeof(*storm));
    if (!count || !storm) {
        free(storm);
        return;
    }
    storm->world = world;
    storm->station = station;
    random_start(&storm->random, world->options->seed, SCHED_STREAM_COUNT + STATIONS_MAX);
    world->may_lose = true; /* the packet filter is among what changes */
    station_load_start(station);
    struct sched_thread *canceller = sched_thread_start("cancel", SCHED_ANY_PROCESSOR, cancel_thread, storm);
    struct sched_thread *direct = NULL;
    if (oid_direct_possible(station->adapter)) {
        random_start(&storm->direct, world->options->seed, SCHED_STREAM_COUNT + STATIONS_MAX + 1);
        direct = sched_thread_start("direct", SCHED_ANY_PROCESSOR, direct_thread, storm);
    }
    ask_all_lengths(storm, oids, count);
    tell_addresses(storm);
    ask_at_random(storm, oids, count);
    storm->over = true;
    sched_thread_join(canceller);
    if (direct)
        sched_thread_join(direct);
    free(storm);
    /* As TCP/IP would set them again. */
    station_load_stop(station);
    station_unbind(station);
    if (!world_failed(world) && !station_device_gone(station) && station_bind(station))
        station_prove_anew(station, FRAMES_SHORT);
}
