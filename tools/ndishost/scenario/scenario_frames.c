/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* scenario_frames.c - frames that are odd, and frames that are long: what leaves and what arrives is what was put in, byte by byte. */
#include <stdlib.h>
#include <string.h>

#include "abi/nt_constants.h"
#include "scenario/conversation.h"
#include "scenario/packet_plan.h"
#include "scenario/scenario.h"

enum { ODD_FRAMES_RANDOM = 96, ROUND = 24, FRAMES_JUMBO = 192, JUMBO_MTU = 9000, TYPE_TAG = 0x8100, VLANS = 4096 };

/* ---- the corpus: what is done to a frame that was in order ---- */

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void is_as_it_is(struct built_packet *packet)
{
    (void)packet;
}

static void claims_too_much(struct built_packet *packet)
{
    uint8_t *network = packet->bytes + packet->network;
    put16(network[0] >> 4 == 4 ? network + 2 : network + 4, 1500);
}

static void claims_nothing(struct built_packet *packet)
{
    uint8_t *network = packet->bytes + packet->network;
    put16(network[0] >> 4 == 4 ? network + 2 : network + 4, 0);
}

static void claims_too_little(struct built_packet *packet)
{
    uint8_t *network = packet->bytes + packet->network;
    put16(network[0] >> 4 == 4 ? network + 2 : network + 4, network[0] >> 4 == 4 ? 24 : 4);
}

static void is_of_no_version(struct built_packet *packet)
{
    packet->bytes[packet->network] = 0xF5;
}

static void has_a_header_beyond_its_end(struct built_packet *packet)
{
    uint8_t *network = packet->bytes + packet->network;
    if (network[0] >> 4 == 4)
        network[0] = 0x4F;
    else
        network[6] = 0, network[41] = 255; /* a hop-by-hop header of 2 KiB */
}

static void has_a_short_header(struct built_packet *packet)
{
    packet->bytes[packet->network] &= 0xF1;
}

static void has_a_tcp_header_of_60_bytes(struct built_packet *packet)
{
    packet->bytes[packet->transport + 12] = 0xF0;
}

static void has_no_tcp_header(struct built_packet *packet)
{
    packet->bytes[packet->transport + 12] = 0;
}

static void has_a_wrong_transport_sum(struct built_packet *packet)
{
    packet->bytes[packet->sum] ^= 0x5A;
}

static void has_no_transport_sum(struct built_packet *packet)
{
    put16(packet->bytes + packet->sum, 0);
}

static void has_a_wrong_header_sum(struct built_packet *packet)
{
    packet->bytes[packet->network + 10] ^= 0x5A;
}

static void has_a_wrong_udp_length(struct built_packet *packet)
{
    put16(packet->bytes + packet->transport + 4, 7);
}

static void is_cut_behind_its_ip_header(struct built_packet *packet)
{
    packet->length = packet->transport;
}

static void is_cut_in_its_ip_header(struct built_packet *packet)
{
    packet->length = packet->network + 7;
}

static void is_an_ethernet_header(struct built_packet *packet)
{
    packet->length = 14;
}

static void is_8023(struct built_packet *packet)
{
    put16(packet->bytes + 12, (unsigned)packet->length - 14);
}

static void is_loose_source_routed(struct built_packet *packet)
{
    uint8_t *option = packet->bytes + packet->network + 20;
    option[0] = 0x83;
    option[1] = 200; /* longer than the options */
    option[2] = 4;
}

struct odd_frame {
    void (*distort)(struct built_packet *packet);
    struct packet_plan plan;
};
/* Addresses and, where it is 0, the seed are filled in. */
static const struct odd_frame corpus[] = {
    {is_as_it_is, {.version = 4, .transport = PLAN_UDP, .fragment = true, .payload = 640}},
    {is_as_it_is, {.version = 6, .transport = PLAN_UDP, .fragment = true, .payload = 640}},
    {is_as_it_is, {.version = 6, .transport = PLAN_TCP, .fragment = true, .options = 2, .payload = 64}},
    {is_as_it_is, {.version = 6, .transport = PLAN_TCP, .options = 1, .payload = 100}},
    {is_as_it_is, {.version = 6, .transport = PLAN_UDP, .options = 4, .payload = 101}},
    {is_as_it_is, {.version = 4, .transport = PLAN_TCP, .options = 10, .tcp_options = 10, .payload = 333}},
    {is_as_it_is, {.version = 4, .transport = PLAN_UDP, .without_sum = true, .payload = 77}},
    {is_as_it_is, {.version = 4, .transport = PLAN_UDP, .payload = 0, .padding = 18}},
    {is_as_it_is, {.version = 4, .transport = PLAN_TCP, .payload = 1, .padding = 600}},
    {is_as_it_is, {.version = 4, .transport = PLAN_OTHER, .payload = 200}},
    {is_as_it_is, {.version = 6, .transport = PLAN_OTHER, .options = 3, .payload = 200}},
    {is_as_it_is, {.tags = 1, .tag_types = {TYPE_TAG}, .tag_values = {0xE000}, .version = 4, .transport = PLAN_UDP, .payload = 100}},
    {is_as_it_is, {.tags = 1, .tag_types = {TYPE_TAG}, .tag_values = {100}, .version = 4, .transport = PLAN_TCP, .payload = 100}},
    {is_as_it_is, {.tags = 1, .tag_types = {TYPE_TAG}, .tag_values = {4095}, .version = 6, .transport = PLAN_TCP, .payload = 100}},
    {is_as_it_is, {.tags = 2, .tag_types = {0x88A8, TYPE_TAG}, .tag_values = {7, 100}, .version = 4, .transport = PLAN_UDP, .payload = 9}},
    {is_as_it_is,
     {.tags = 2, .tag_types = {TYPE_TAG, TYPE_TAG}, .tag_values = {7, 100}, .version = 6, .transport = PLAN_TCP, .payload = 9}},
    {is_as_it_is, {.tags = 1, .tag_types = {0x9100}, .tag_values = {100}, .version = 4, .transport = PLAN_UDP, .payload = 100}},
    {claims_too_much, {.version = 4, .transport = PLAN_UDP, .payload = 100}},
    {claims_too_much, {.version = 6, .transport = PLAN_TCP, .payload = 100}},
    {claims_nothing, {.version = 4, .transport = PLAN_TCP, .payload = 100}},
    {claims_nothing, {.version = 6, .transport = PLAN_UDP, .payload = 100}},
    {claims_too_little, {.version = 4, .transport = PLAN_TCP, .payload = 100}},
    {claims_too_little, {.version = 6, .transport = PLAN_UDP, .payload = 100}},
    {is_of_no_version, {.version = 4, .transport = PLAN_UDP, .payload = 100}},
    {is_of_no_version, {.version = 6, .transport = PLAN_UDP, .payload = 100}},
    {has_a_header_beyond_its_end, {.version = 4, .transport = PLAN_UDP, .payload = 30}},
    {has_a_header_beyond_its_end, {.version = 6, .transport = PLAN_UDP, .options = 1, .payload = 30}},
    {has_a_short_header, {.version = 4, .transport = PLAN_UDP, .payload = 100}},
    {has_a_tcp_header_of_60_bytes, {.version = 4, .transport = PLAN_TCP, .payload = 30}},
    {has_a_tcp_header_of_60_bytes, {.version = 6, .transport = PLAN_TCP, .payload = 30}},
    {has_no_tcp_header, {.version = 4, .transport = PLAN_TCP, .payload = 100}},
    {has_a_wrong_transport_sum, {.version = 4, .transport = PLAN_TCP, .payload = 100}},
    {has_a_wrong_transport_sum, {.version = 4, .transport = PLAN_UDP, .payload = 101}},
    {has_a_wrong_transport_sum, {.version = 6, .transport = PLAN_TCP, .payload = 101}},
    {has_a_wrong_transport_sum, {.version = 6, .transport = PLAN_UDP, .options = 1, .payload = 100}},
    {has_no_transport_sum, {.version = 6, .transport = PLAN_UDP, .payload = 100}},
    {has_no_transport_sum, {.version = 4, .transport = PLAN_TCP, .payload = 100}},
    {has_a_wrong_header_sum, {.version = 4, .transport = PLAN_UDP, .payload = 100}},
    {has_a_wrong_udp_length, {.version = 4, .transport = PLAN_UDP, .payload = 100}},
    {has_a_wrong_udp_length, {.version = 6, .transport = PLAN_UDP, .payload = 100}},
    {is_cut_behind_its_ip_header, {.version = 6, .transport = PLAN_TCP, .options = 1, .payload = 100}},
    {is_cut_behind_its_ip_header, {.version = 4, .transport = PLAN_TCP, .options = 10, .payload = 100}},
    {is_cut_in_its_ip_header, {.version = 4, .transport = PLAN_UDP, .payload = 100}},
    {is_an_ethernet_header, {.version = 6, .transport = PLAN_UDP, .payload = 100}},
    {is_8023, {.version = 4, .transport = PLAN_UDP, .payload = 100}},
    {is_loose_source_routed, {.version = 4, .transport = PLAN_TCP, .options = 3, .payload = 100}},
    {is_loose_source_routed, {.version = 4, .transport = PLAN_UDP, .options = 1, .payload = 700}},
};
enum { CORPUS = sizeof(corpus) / sizeof(corpus[0]) };

/* ---- both ways ---- */

/* What the wire does to a frame that is too short. */
static size_t wire_length(struct built_packet *packet)
{
    if (packet->length < 60) {
        memset(packet->bytes + packet->length, 0, 60 - packet->length);
        packet->length = 60;
    }
    return packet->length;
}

/* The device's VLAN filter lets it through. */
static bool passes_the_filter(const struct station *station, const struct built_packet *packet)
{
    const uint8_t *bytes = packet->bytes;
    struct model *model = device_model(station->device);
    if ((bytes[12] << 8 | bytes[13]) != TYPE_TAG)
        return true;
    if (!model)
        return false; /* another device's filter is not known */
    struct model_filter filter = model_filter(model);
    unsigned vlan = (unsigned)(bytes[14] << 8 | bytes[15]) % VLANS;
    return !filter.vlans_filtered || (filter.vlans[vlan / 8] >> vlan % 8 & 1);
}

static void play_frame(struct conversation *conversation, const struct packet_plan *plan, void (*distort)(struct built_packet *packet),
                       struct built_packet *packet)
{
    struct station *station = conversation->station;
    struct packet_plan down = *plan, up = *plan;
    memcpy(down.to, conversation_mac, 6);
    memcpy(down.from, station->mac, 6);
    memcpy(up.to, station->mac, 6);
    memcpy(up.from, conversation_mac, 6);
    packet_build(&down, packet);
    distort(packet);
    if (packet->length > conversation_longest(conversation))
        return;
    conversation_send(conversation, packet->bytes, packet->length);
    packet_build(&up, packet);
    distort(packet);
    wire_length(packet);
    if (passes_the_filter(station, packet))
        conversation_deliver(conversation, packet->bytes, packet->length);
}

void play_odd_frames(struct world *world)
{
    struct station *station = &world->stations[0];
    struct conversation conversation;
    struct built_packet *packet = malloc(sizeof(*packet));
    if (!packet)
        abort();
    world_trust_sums(world);                           /* what is broken here was broken above */
    world_set_keyword(world, "*PriorityVLANTag", "0"); /* tags are a matter of the frame */
    conversation_begin(&conversation, station);
    if (world_start_one(world)) {
        unsigned first = random_between(&world->random, 0, CORPUS - 1);
        for (unsigned i = 0; i < CORPUS && !world_failed(world); ++i) {
            const struct odd_frame *odd = &corpus[(first + i) % CORPUS];
            struct packet_plan plan = odd->plan;
            plan.seed = (uint32_t)random_next(&world->random);
            play_frame(&conversation, &plan, odd->distort, packet);
            if (i % ROUND == ROUND - 1)
                conversation_settle(&conversation);
        }
        for (unsigned i = 0; i < ODD_FRAMES_RANDOM && !world_failed(world); ++i) {
            struct packet_plan plan =
                packet_plan_choose(&world->random, conversation_mac, station->mac, conversation_longest(&conversation), true);
            play_frame(&conversation, &plan, is_as_it_is, packet);
            if (i % ROUND == ROUND - 1)
                conversation_settle(&conversation);
        }
        conversation_settle(&conversation);
    }
    station_unbind(station);
    conversation_end(&conversation);
    free(packet);
}

/* ---- long frames ---- */

void play_jumbo(struct world *world)
{
    struct station *station = &world->stations[0];
    struct model_options *model = world_model(world);
    if (model && model->mtu < JUMBO_MTU)
        model->mtu = JUMBO_MTU;
    world_set_keyword(world, "*JumboPacket", "9014");
    if (!world_start_one(world))
        return;
    uint32_t mtu = adapter_facts(station->adapter).mtu;
    if (mtu < JUMBO_MTU) {
        world_inapplicable(world, "with *JumboPacket=9014 the adapter takes %u bytes", mtu);
        return;
    }
    station->longest = LONGEST_FRAME;
    station_prove(station, FRAMES_JUMBO);
    /* And again after what makes the driver set its buffers up anew. */
    uint32_t status = world_failed(world) ? NT_NDIS_STATUS_FAILURE : adapter_reset(station->adapter);
    if (status == NT_NDIS_STATUS_SUCCESS && station_wait_link(station, LINK_UP))
        station_prove_anew(station, FRAMES_JUMBO);
}
