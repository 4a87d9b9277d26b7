/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * scenario_offload.c - frames with requests of every kind that the adapter offers, and frames whose checksums the device speaks of. What is
 * to leave is built from the same plan by itself, segment by segment (packet_plan.h): neither what the driver nor what the device makes
 * of a request is taken for granted.
 */
#include <stdlib.h>
#include <string.h>

#include "abi/nt_constants.h"
#include "abi/nt_types.h"
#include "ndis/attributes.h"
#include "ndis/miniport.h"
#include "scenario/conversation.h"
#include "scenario/packet_plan.h"
#include "scenario/scenario.h"

enum {
    FRAMES = 240,
    PLAIN_FRAMES = 16,
    ROUND = 12,
    TAG_BYTES = 4,
    ETHERNET_BYTES = 14,
    IP_LONGEST = 65535,
    MSS_LEAST = 64,
    SEGMENTS_USUAL = 24,
    SEGMENTS_MOST = 46, /* what 64 KiB are on an ordinary link; a cable holds no more at once on one with a small MTU */
    TYPE_TAG = 0x8100,
    /* NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO.Transmit */
    ASK_IPV4 = 1,
    ASK_IPV6 = 2,
    ASK_TCP = 4,
    ASK_UDP = 8,
    ASK_HEADER = 16,
    ASK_TCP_OFFSET_AT = 16,
    /* NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO.LsoV2Transmit */
    LARGE_TCP_OFFSET_AT = 20,
};
static const uint32_t LARGE_V2 = 1u << 30, LARGE_IPV6 = 1u << 31;

struct offload_play {
    struct world *world;
    struct station *station;
    struct conversation conversation;
    struct built_packet handed, expected;
    unsigned large, summed; /* requests that were made */
};

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* ---- what may be asked ---- */

static bool options_permitted(const struct packet_plan *plan, bool ip_options, bool tcp_options)
{
    return (!plan->options || ip_options) && (plan->transport != PLAN_TCP || !plan->tcp_options || tcp_options);
}

/* Makes the plan one for a large send and chooses its segments; 0: that is not offered. */
static size_t large_choose(struct offload_play *play, const struct offload *usable, struct packet_plan *plan)
{
    struct random *random = &play->world->random;
    const struct offload_large *limit = &usable->large[plan->version == 6];
    if (!limit->on || plan->transport != PLAN_TCP || plan->fragment || !options_permitted(plan, limit->ip_options, limit->tcp_options))
        return 0;
    size_t headers = packet_plan_headers(plan), room = conversation_longest(&play->conversation) - headers;
    if (room < MSS_LEAST)
        return 0;
    size_t most = IP_LONGEST - (headers - ETHERNET_BYTES);
    most = most < limit->largest ? most : limit->largest;
    bool huge = random_chance(random, 12);
    size_t mss = huge ? room : random_between(random, MSS_LEAST, (unsigned)room);
    size_t least = mss * (limit->segments_least > 1 ? limit->segments_least - 1 : 0) + 1;
    size_t usual = mss * SEGMENTS_USUAL < most ? mss * SEGMENTS_USUAL : most;
    if (least > usual)
        return 0;
    most = most < mss * SEGMENTS_MOST ? most : mss * SEGMENTS_MOST;
    plan->payload = huge ? most : random_between(random, (unsigned)least, (unsigned)usual);
    if (random_chance(random, 25))
        plan->tcp_flags |= (uint8_t)(random_chance(random, 60) ? PLAN_TCP_CWR : PLAN_TCP_ECE | PLAN_TCP_CWR);
    return mss;
}

/* Bits of the checksum word. */
static uint32_t sums_choose(struct offload_play *play, const struct offload *usable, const struct packet_plan *plan)
{
    struct random *random = &play->world->random;
    const struct offload_sums *can = &usable->transmit[plan->version == 6];
    uint32_t asked = 0;
    if (options_permitted(plan, can->ip_options, true) && can->header && plan->version == 4 && random_chance(random, 60))
        asked |= ASK_HEADER;
    if (!plan->fragment && options_permitted(plan, can->ip_options, can->tcp_options) && random_chance(random, 85)) {
        if (plan->transport == PLAN_TCP && can->tcp)
            asked |= ASK_TCP;
        if (plan->transport == PLAN_UDP && can->udp && !plan->without_sum)
            asked |= ASK_UDP;
    }
    return asked ? asked | (plan->version == 6 ? ASK_IPV6 : ASK_IPV4) : 0;
}

/* ---- down ---- */

/* The frame as Windows' TCP/IP hands it down with such a request (CSO-01, LSO-03, LSO-04). */
static void hand_over(struct built_packet *packet, const struct send_request *request)
{
    uint8_t *network = packet->bytes + packet->network;
    bool ipv4 = network[0] >> 4 == 4;
    if (request->large) {
        put16(packet->bytes + packet->sum, packet_plan_pseudo_sum(packet, false));
        put16(network + (ipv4 ? 2 : 4), 0);
    } else if (request->checksum & (ASK_TCP | ASK_UDP)) {
        put16(packet->bytes + packet->sum, packet_plan_pseudo_sum(packet, true));
    }
    if (ipv4 && (request->large || (request->checksum & ASK_HEADER)))
        put16(network + 10, 0);
}

static void expect_plan(struct offload_play *play, const struct packet_plan *plan, size_t mss)
{
    if (!mss) {
        packet_build(plan, &play->expected);
        expected_add_built(&play->conversation.down, &play->expected, plan->transport == PLAN_TCP);
        return;
    }
    for (unsigned number = 0; number < packet_segments(plan, mss); ++number) {
        packet_build_segment(plan, mss, number, &play->expected);
        expected_add_built(&play->conversation.down, &play->expected, true);
    }
}

static void send_one(struct offload_play *play, const struct offload *usable)
{
    struct random *random = &play->world->random;
    struct send_request request = send_request_nothing();
    struct packet_plan plan =
        packet_plan_choose(random, conversation_mac, play->station->mac, conversation_longest(&play->conversation), true);
    plan.padding = 0;
    size_t mss = random_chance(random, 45) ? large_choose(play, usable, &plan) : 0;
    size_t transport = packet_plan_headers(&plan) - (plan.transport == PLAN_TCP ? 20 + 4 * (size_t)plan.tcp_options : 8);
    if (mss) {
        request.headers = packet_plan_headers(&plan);
        request.large = (uint32_t)mss | (uint32_t)transport << LARGE_TCP_OFFSET_AT | LARGE_V2 | (plan.version == 6 ? LARGE_IPV6 : 0);
        play->large++;
    } else {
        request.checksum = sums_choose(play, usable, &plan);
        request.checksum |= request.checksum & ASK_TCP ? (uint32_t)transport << ASK_TCP_OFFSET_AT : 0;
        play->summed += request.checksum != 0;
    }
    expect_plan(play, &plan, mss);
    packet_build(&plan, &play->handed);
    hand_over(&play->handed, &request);
    conversation_submit(&play->conversation, play->handed.bytes, play->handed.length, &request);
}

/* ---- up ---- */

/* Any frame; now and then its checksum is wrong, and the device says nothing of it. */
static void deliver_one(struct offload_play *play)
{
    struct random *random = &play->world->random;
    struct packet_plan plan =
        packet_plan_choose(random, play->station->mac, conversation_mac, conversation_longest(&play->conversation), false);
    packet_build(&plan, &play->handed);
    if (play->handed.sum && random_chance(random, 10))
        play->handed.bytes[play->handed.sum] ^= (uint8_t)random_between(random, 1, 255);
    conversation_deliver(&play->conversation, play->handed.bytes, play->handed.length);
}

/* ---- settings under way ---- */

static uint8_t sums_setting(struct random *random, bool transmit, bool receive)
{
    static const uint8_t settings[] = {NT_NDIS_OFFLOAD_PARAMETERS_TX_RX_DISABLED, NT_NDIS_OFFLOAD_PARAMETERS_TX_ENABLED_RX_DISABLED,
                                       NT_NDIS_OFFLOAD_PARAMETERS_RX_ENABLED_TX_DISABLED, NT_NDIS_OFFLOAD_PARAMETERS_TX_RX_ENABLED};
    if (random_chance(random, 30))
        return NT_NDIS_OFFLOAD_PARAMETERS_NO_CHANGE;
    return settings[(transmit && random_chance(random, 75) ? 1 : 0) | (receive && random_chance(random, 75) ? 2 : 0)];
}

static void settings_change(struct offload_play *play)
{
    struct random *random = &play->world->random;
    struct adapter *adapter = play->station->adapter;
    const struct offload *can = &adapter->attributes.offload.hardware;
    nt_NDIS_OFFLOAD_PARAMETERS asked;
    memset(&asked, 0, sizeof(asked));
    object_header_set(&asked, NT_NDIS_OBJECT_TYPE_DEFAULT, NT_NDIS_OFFLOAD_PARAMETERS_REVISION_2, sizeof(asked));
    asked.IPv4Checksum = sums_setting(random, can->transmit[0].header, can->receive[0].header);
    asked.TCPIPv4Checksum = sums_setting(random, can->transmit[0].tcp, can->receive[0].tcp);
    asked.UDPIPv4Checksum = sums_setting(random, can->transmit[0].udp, can->receive[0].udp);
    asked.TCPIPv6Checksum = sums_setting(random, can->transmit[1].tcp, can->receive[1].tcp);
    asked.UDPIPv6Checksum = sums_setting(random, can->transmit[1].udp, can->receive[1].udp);
    asked.LsoV2IPv4 = can->large[0].on && random_chance(random, 75) ? NT_NDIS_OFFLOAD_PARAMETERS_LSOV2_ENABLED : 0;
    asked.LsoV2IPv6 = can->large[1].on && random_chance(random, 75) ? NT_NDIS_OFFLOAD_PARAMETERS_LSOV2_ENABLED : 0;
    /* Large sends need the sums that they imply: such a request may be refused, and is judged where OIDs are (OFF-03, OFF-12). */
    (void)adapter_oid_set(adapter, NT_OID_TCP_OFFLOAD_PARAMETERS, &asked, sizeof(asked), NULL);
}

/* ---- who does the work ---- */

/* A TCP segment as everybody sends it: there is no reason not to leave its checksum to a device that can. */
static struct packet_plan plain_segment(struct offload_play *play)
{
    struct random *random = &play->world->random;
    struct packet_plan plan =
        packet_plan_choose(random, conversation_mac, play->station->mac, conversation_longest(&play->conversation), false);
    plan.version = 4;
    plan.transport = PLAN_TCP;
    plan.options = plan.tcp_options = 0;
    plan.fragment = plan.without_sum = false;
    plan.padding = 0;
    plan.payload = random_between(random, 1, (unsigned)(conversation_longest(&play->conversation) - packet_plan_headers(&plan)));
    return plan;
}

/*
 * As long as nobody has changed the settings, each checksum that is asked for is asked of the device: an offload that is offered and then
 * done by the processor is none. Spread over some time: what is on is no question of when.
 */
static void prove_device_works(struct offload_play *play)
{
    struct model *model = device_model(play->station->device);
    struct offload usable = offload_usable(play->station->adapter);
    if (!model || !usable.transmit[0].tcp)
        return;
    uint64_t before = model_counts(model).checksums_completed;
    for (unsigned i = 0; i < PLAIN_FRAMES; ++i) {
        struct send_request request = send_request_nothing();
        struct packet_plan plan = plain_segment(play);
        request.checksum = ASK_IPV4 | ASK_TCP | (uint32_t)(ETHERNET_BYTES + 20) << ASK_TCP_OFFSET_AT;
        expect_plan(play, &plan, 0);
        packet_build(&plan, &play->handed);
        hand_over(&play->handed, &request);
        conversation_submit(&play->conversation, play->handed.bytes, play->handed.length, &request);
        world_sleep(random_between(&play->world->random, 1, 40));
    }
    conversation_settle(&play->conversation);
    uint64_t completed = model_counts(model).checksums_completed - before;
    if (completed < PLAIN_FRAMES && !world_failed(play->world) && !world_has_misfortune(play->world))
        world_fail(play->world, "of %u checksums that were asked for, the device was asked for %u", PLAIN_FRAMES, (unsigned)completed);
}

/* ---- the scenarios ---- */

static struct offload_play *play_begin(struct world *world, bool receive)
{
    struct offload_play *play = calloc(1, sizeof(*play));
    if (!play)
        abort();
    play->world = world;
    play->station = &world->stations[0];
    if (receive)
        world_trust_sums(world);
    conversation_begin(&play->conversation, play->station);
    return play;
}

static void play_end(struct offload_play *play)
{
    station_unbind(play->station);
    conversation_end(&play->conversation);
    free(play);
}

static bool offers(const struct offload_play *play, bool receive)
{
    const struct offload *can = &play->station->adapter->attributes.offload.hardware;
    for (unsigned family = 0; family < OFFLOAD_FAMILIES; ++family) {
        const struct offload_sums *sums = receive ? &can->receive[family] : &can->transmit[family];
        if (sums->tcp || sums->udp || (!receive && can->large[family].on))
            return play->station->adapter->attributes.offload.declared;
    }
    return false;
}

void play_offload(struct world *world)
{
    struct offload_play *play = play_begin(world, false);
    if (world_start_one(world)) {
        bool useful = offers(play, false);
        if (!useful)
            world_inapplicable(world, "the adapter offers no transmit offload on this device");
        else
            prove_device_works(play);
        bool loaded = useful && random_chance(&world->random, 30);
        if (loaded)
            station_load_start(play->station);
        for (unsigned i = 0; i < FRAMES && useful && !world_failed(world) && !station_device_gone(play->station); ++i) {
            struct offload usable = offload_usable(play->station->adapter);
            send_one(play, &usable);
            if (i % ROUND == ROUND - 1 && random_chance(&world->random, 50))
                settings_change(play);
            if (i % ROUND == ROUND - 1 && random_chance(&world->random, 40))
                conversation_settle(&play->conversation);
        }
        conversation_settle(&play->conversation);
        if (useful && !play->large && !play->summed && !world_failed(world) && !world_has_misfortune(world))
            world_fail(world, "nothing was ever asked of an adapter that offers offloads");
    }
    play_end(play);
}

void play_receive_checksum(struct world *world)
{
    struct offload_play *play = play_begin(world, true);
    if (world_start_one(world)) {
        bool useful = offers(play, true);
        if (!useful)
            world_inapplicable(world, "the adapter offers no receive checksums on this device");
        for (unsigned i = 0; i < FRAMES && useful && !world_failed(world) && !station_device_gone(play->station); ++i) {
            deliver_one(play);
            if (i % ROUND == ROUND - 1 && random_chance(&world->random, 50))
                settings_change(play);
            if (i % ROUND == ROUND - 1)
                conversation_settle(&play->conversation);
        }
        conversation_settle(&play->conversation);
    }
    play_end(play);
}

/* ---- VLAN tags beside the frame ---- */

/* What a driver with these keywords makes of an out-of-band tag; 0: no tag (VLN-01). */
static unsigned tag_expected(unsigned kinds, unsigned own, unsigned priority, unsigned vlan, bool *tagged)
{
    unsigned value = (kinds & 1 ? priority << 13 : 0) | (kinds & 2 ? (vlan ? vlan : own) : 0);
    *tagged = kinds && (priority || vlan || (value & 0xFFF));
    return value;
}

/* A driver may tell its device of the VLAN after the start; a device that never hears of it is found out by the frames. */
static void own_vlan_await(struct offload_play *play, unsigned own)
{
    struct model *model = device_model(play->station->device);
    uint64_t deadline = world_deadline(PATIENCE_MS);
    while (model && model_filter(model).vlans_filtered && !(model_filter(model).vlans[own / 8] >> own % 8 & 1) && sched_now() < deadline &&
           !world_has_misfortune(play->world))
        sched_event_wait(&play->station->moved, sched_now() + TICKS_PER_MS);
}

static void send_tagged(struct offload_play *play, unsigned kinds, unsigned own)
{
    struct random *random = &play->world->random;
    struct offload usable = offload_usable(play->station->adapter);
    struct send_request request = send_request_nothing();
    struct packet_plan plan =
        packet_plan_choose(random, conversation_mac, play->station->mac, conversation_longest(&play->conversation) - TAG_BYTES, false);
    unsigned priority = random_chance(random, 50) ? random_between(random, 0, 7) : 0;
    unsigned vlan = !own && random_chance(random, 50) ? random_between(random, 1, 4094) : 0;
    bool tagged;
    unsigned value = tag_expected(kinds, own, priority, vlan, &tagged);
    plan.padding = 0;
    request.tag = priority | vlan << 4;
    request.checksum = sums_choose(play, &usable, &plan);
    size_t transport = packet_plan_headers(&plan) - (20 + 4 * (size_t)plan.tcp_options);
    request.checksum |= request.checksum & ASK_TCP ? (uint32_t)transport << ASK_TCP_OFFSET_AT : 0;
    packet_build(&plan, &play->handed);
    hand_over(&play->handed, &request);
    plan.tags = tagged;
    plan.tag_types[0] = TYPE_TAG;
    plan.tag_values[0] = (uint16_t)value;
    expect_plan(play, &plan, 0);
    conversation_submit(&play->conversation, play->handed.bytes, play->handed.length, &request);
}

static void deliver_tagged(struct offload_play *play, unsigned own)
{
    struct random *random = &play->world->random;
    struct packet_plan plan =
        packet_plan_choose(random, play->station->mac, conversation_mac, conversation_longest(&play->conversation) - TAG_BYTES, false);
    plan.tags = random_chance(random, 75);
    plan.tag_types[0] = TYPE_TAG;
    unsigned vlan = own && random_chance(random, 60) ? own : random_between(random, 1, 4094);
    plan.tag_values[0] = (uint16_t)(random_between(random, 0, 7) << 13 | vlan);
    packet_build(&plan, &play->handed);
    struct model *model = device_model(play->station->device);
    struct model_filter filter = model_filter(model);
    bool passes = !plan.tags || !filter.vlans_filtered || (filter.vlans[vlan / 8] >> vlan % 8 & 1);
    bool wanted = passes && (!own || (plan.tags && vlan == own));
    if (own && plan.tags && vlan == own && !passes && !world_has_misfortune(play->world))
        world_fail(play->world, "the device filters VLANs, and the adapter's own VLAN %u was not added", own);
    if (wanted)
        conversation_deliver(&play->conversation, play->handed.bytes, play->handed.length);
    else
        conversation_deliver_unwanted(&play->conversation, play->handed.bytes, play->handed.length);
}

void play_vlan(struct world *world)
{
    static const char *const kind_texts[] = {"0", "1", "2", "3"};
    static const char *const own_texts[] = {"0", "1", "100", "4094"};
    static const unsigned owns[] = {0, 1, 100, 4094};
    unsigned kinds = (unsigned)(world->options->seed % 4),
             at = random_chance(&world->random, 50) ? random_between(&world->random, 1, 3) : 0;
    struct offload_play *play = play_begin(world, false);
    world_set_keyword(world, "*PriorityVLANTag", kind_texts[kinds]);
    world_set_keyword(world, "VlanID", own_texts[at]);
    unsigned own = kinds & 2 ? owns[at] : 0;
    if (world_start_one(world)) {
        if (own)
            own_vlan_await(play, own);
        bool useful = device_model(play->station->device) && adapter_keyword_was_read(play->station->adapter, "*PriorityVLANTag");
        if (!useful)
            world_inapplicable(world, "this driver reads no *PriorityVLANTag, or its device shows nobody its tags");
        for (unsigned i = 0; i < FRAMES && useful && !world_failed(world) && !station_device_gone(play->station); ++i) {
            send_tagged(play, kinds, own);
            deliver_tagged(play, own);
            if (i % ROUND == ROUND - 1)
                conversation_settle(&play->conversation);
        }
        conversation_settle(&play->conversation);
    }
    play_end(play);
}
