/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * scenario_announce.c - the device asks for announcements, as after a migration: for each address that TCP/IP told (by
 * OID_GEN_NETWORK_LAYER_ADDRESSES) a gratuitous ARP or an unsolicited neighbour advertisement leaves, and the device gets its
 * acknowledgement.
 */
#include <string.h>

#include "abi/nt_constants.h"
#include "ndis/miniport.h"
#include "pci/model/model_constants.h"
#include "pci/model/model_frame.h"
#include "scenario/diagnostics.h"
#include "scenario/scenario.h"

enum {
    ROUNDS = 8,
    ADDRESSES_MOST = 6,
    PROTOCOL_TCPIP = 2, /* NDIS_PROTOCOL_ID_TCP_IP */
    PROTOCOL_IPV6 = 3,  /* NDIS_PROTOCOL_ID_IP6 */
    LIST_HEADER = 6,    /* NETWORK_ADDRESS_LIST: count, type */
    ADDRESS_HEADER = 4, /* NETWORK_ADDRESS: length, type */
    IPV4_BYTES = 16,    /* NETWORK_ADDRESS_IP: port, address, zeros */
    IPV4_AT = 4,
    IPV6_BYTES = 28, /* NETWORK_ADDRESS_IP6: port, flow, address, scope */
    IPV6_AT = 8,
    TYPE_ARP = 0x0806,
    ARP_END = 42,
    ADVERTISEMENT = 136,
    FRAMES_SHORT = 64,
};

/* The addresses of one protocol, and how often each was announced. */
struct told {
    unsigned count, bytes;
    uint8_t address[ADDRESSES_MOST][16];
    atomic_uint announced[ADDRESSES_MOST];
};

struct announce_play {
    struct world *world;
    struct station *station;
    struct told ipv4, ipv6;
    struct io_file *diagnostics; /* NULL: the driver has none */
};

/* ---- what is told ---- */

static void addresses_choose(struct random *random, struct told *told)
{
    told->count = random_between(random, 0, ADDRESSES_MOST);
    for (unsigned i = 0; i < told->count; ++i) {
        for (unsigned at = 0; at < told->bytes; ++at)
            told->address[i][at] = (uint8_t)random_next(random);
        told->address[i][0] = told->bytes == 4 ? 10 : 0xFD;
        told->address[i][told->bytes - 1] = (uint8_t)(i + 1); /* no two are the same */
        told->announced[i] = 0;
    }
}

/* False: the driver does not take it. */
static bool addresses_tell(struct announce_play *play, const struct told *told)
{
    uint8_t list[LIST_HEADER + ADDRESSES_MOST * (ADDRESS_HEADER + IPV6_BYTES)] = {0};
    uint16_t type = told->bytes == 4 ? PROTOCOL_TCPIP : PROTOCOL_IPV6, length = told->bytes == 4 ? IPV4_BYTES : IPV6_BYTES;
    uint32_t count = told->count, at = LIST_HEADER;
    memcpy(list, &count, sizeof(count));
    memcpy(list + 4, &type, sizeof(type));
    for (unsigned i = 0; i < told->count; ++i) {
        memcpy(list + at, &length, sizeof(length));
        memcpy(list + at + 2, &type, sizeof(type));
        memcpy(list + at + ADDRESS_HEADER + (told->bytes == 4 ? IPV4_AT : IPV6_AT), told->address[i], told->bytes);
        at += ADDRESS_HEADER + length;
    }
    uint32_t status = adapter_oid_set(play->station->adapter, NT_OID_GEN_NETWORK_LAYER_ADDRESSES, list, at, NULL);
    if (status != NT_NDIS_STATUS_SUCCESS && status != NT_NDIS_STATUS_NOT_SUPPORTED && !world_has_misfortune(play->world))
        world_fail(play->world, "OID_GEN_NETWORK_LAYER_ADDRESSES with %u addresses of type %u ended with 0x%08x", told->count, type,
                   status);
    return status == NT_NDIS_STATUS_SUCCESS;
}

/* ---- what leaves ---- */

static void note(struct announce_play *play, struct told *told, const uint8_t *address)
{
    for (unsigned i = 0; i < told->count; ++i) {
        if (memcmp(told->address[i], address, told->bytes) == 0) {
            told->announced[i]++;
            return;
        }
    }
    /* Who is refused may announce again when he likes, in the middle of a change. */
    if (!play->world->device.model.fault_count)
        world_fail(play->world, "an address is announced that nobody told");
}

static void arp_judge(struct announce_play *play, const uint8_t *frame, size_t length)
{
    static const uint8_t fixed[6] = {0, 1, 8, 0, 6, 4}, broadcast[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    const uint8_t *mac = play->station->mac;
    if (length < ARP_END || memcmp(frame + 14, fixed, 6) != 0 || frame[20] != 0 || (frame[21] != 1 && frame[21] != 2))
        world_fail(play->world, "an ARP packet of %zu bytes is malformed", length);
    else if (memcmp(frame, broadcast, 6) != 0 || memcmp(frame + 6, mac, 6) != 0 || memcmp(frame + 22, mac, 6) != 0)
        world_fail(play->world, "a gratuitous ARP does not go from the adapter's address to all");
    else if (memcmp(frame + 28, frame + 38, 4) != 0)
        world_fail(play->world, "a gratuitous ARP asks for another address than its sender's");
    else
        note(play, &play->ipv4, frame + 28);
}

static void advertisement_judge(struct announce_play *play, const uint8_t *frame, size_t length)
{
    static const uint8_t all_nodes[22] = {0x33, 0x33, 0, 0, 0, 1, [6] = 0xFF, 0x02, [21] = 1};
    const uint8_t *mac = play->station->mac, *ip = frame + 14, *message = ip + 40;
    struct model_frame_facts facts;
    model_frame_inspect(frame, length, &facts);
    if (length < 14 + 40 + 32 || facts.kind != FRAME_ICMP || facts.transport != 54 || facts.network_end != 14 + 40 + 32)
        world_fail(play->world, "a neighbour advertisement of %zu bytes is malformed: %s", length,
                   facts.trouble ? facts.trouble : "lengths");
    else if (!facts.transport_sum_good || ip[7] != 255)
        world_fail(play->world, "a neighbour advertisement has a wrong checksum, or a hop limit of %u", ip[7]);
    else if (memcmp(frame, all_nodes, 6) != 0 || memcmp(ip + 24, all_nodes + 6, 16) != 0 || memcmp(frame + 6, mac, 6) != 0)
        world_fail(play->world, "a neighbour advertisement does not go from the adapter to all nodes");
    else if ((message[4] & 0xE0) != 0x20 || message[24] != 2 || message[25] != 1 || memcmp(message + 26, mac, 6) != 0)
        world_fail(play->world, "a neighbour advertisement has flags 0x%02x, or does not tell the adapter's address", message[4]);
    else if (memcmp(ip + 8, message + 8, 16) != 0)
        world_fail(play->world, "a neighbour advertisement is not sent from the address that it is about");
    else
        note(play, &play->ipv6, message + 8);
}

static void left(void *context, bool up, const uint8_t *frame, size_t length)
{
    struct announce_play *play = context;
    if (up || length < 14)
        return;
    unsigned type = (unsigned)(frame[12] << 8 | frame[13]);
    if (type == TYPE_ARP)
        arp_judge(play, frame, length);
    else if (type == 0x86DD && length > 54 && frame[20] == 58 && frame[54] == ADVERTISEMENT)
        advertisement_judge(play, frame, length);
    else
        world_fail(play->world, "the driver sent a frame of type 0x%04x by itself", type);
    sched_event_set(&play->station->moved);
}

/* ---- rounds ---- */

/* Somebody looks at the driver's figures while frames of its own are with the device. */
static void look(struct announce_play *play)
{
    uint8_t bytes[DIAGNOSTICS_SIZE_MAX];
    if (play->diagnostics)
        for (unsigned which = 0; which < DIAGNOSTICS_COUNT; ++which)
            diagnostics_query(play->diagnostics, which, play->station->mac, bytes);
}

static unsigned missing(const struct told *told)
{
    unsigned count = 0;
    for (unsigned i = 0; i < told->count; ++i)
        count += told->announced[i] == 0;
    return count;
}

static void round_play(struct announce_play *play, struct model *model)
{
    struct world *world = play->world;
    uint64_t deadline = world_deadline(PATIENCE_MS);
    for (unsigned i = 0; i < ADDRESSES_MOST; ++i)
        play->ipv4.announced[i] = play->ipv6.announced[i] = 0;
    model_announce(model);
    while ((model_condition(model).announce_owed || missing(&play->ipv4) || missing(&play->ipv6)) && sched_now() < deadline &&
           !world_failed(world) && !station_device_gone(play->station)) {
        look(play);
        sched_event_wait(&play->station->moved, sched_now() + TICKS_PER_MS);
    }
    if (world_has_misfortune(world))
        return;
    if (missing(&play->ipv4) || missing(&play->ipv6))
        world_fail(world, "the device asked for announcements: %u of %u IPv4 and %u of %u IPv6 addresses were not announced",
                   missing(&play->ipv4), play->ipv4.count, missing(&play->ipv6), play->ipv6.count);
    else if (model_condition(model).announce_owed)
        world_fail(world, "the device asked for announcements and did not get an acknowledgement");
}

void play_announce(struct world *world)
{
    struct station *station = &world->stations[0];
    struct announce_play play = {.world = world, .station = station, .ipv4 = {.bytes = 4}, .ipv6 = {.bytes = 16}};
    station->foreign_context = &play;
    station->foreign = left;
    if (!world_start_one(world))
        return;
    struct model *model = device_model(station->device);
    if (!device_takes_commands(station->device, FEATURE_GUEST_ANNOUNCE)) {
        world_inapplicable(world, "GUEST_ANNOUNCE is not negotiated, or cannot be acknowledged");
        return;
    }
    if (io_open(DIAGNOSTICS_PATH, IO_USER_EVERYBODY, IO_GENERIC_READ, &play.diagnostics) != NT_STATUS_SUCCESS)
        play.diagnostics = NULL;
    for (unsigned i = 0; i < ROUNDS && !world_failed(world) && !station_device_gone(station); ++i) {
        bool loaded = random_chance(&world->random, 50);
        if (random_chance(&world->random, 75)) {
            addresses_choose(&world->random, &play.ipv4);
            addresses_choose(&world->random, &play.ipv6);
            if (!addresses_tell(&play, &play.ipv4) || !addresses_tell(&play, &play.ipv6)) {
                world_inapplicable(world, "the driver does not take OID_GEN_NETWORK_LAYER_ADDRESSES");
                break;
            }
        }
        if (loaded)
            station_load_start(station);
        round_play(&play, model);
        station_load_stop(station);
        /* What was told survives a reset. */
        if (random_chance(&world->random, 30)) {
            world->may_lose = true;
            adapter_reset(station->adapter);
            if (!station_wait_link(station, LINK_UP) || !station_prove_anew(station, FRAMES_SHORT))
                break;
        }
    }
    if (play.diagnostics)
        io_close(play.diagnostics);
    station_unbind(station);
    station->foreign = NULL;
}
