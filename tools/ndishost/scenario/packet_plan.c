/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* packet_plan.c - chooses plans and builds frames from them, in the most literal way. */
#include "scenario/packet_plan.h"

#include <string.h>

enum {
    ETHERNET_BYTES = 14,
    TAG_BYTES = 4,
    IPV4_BYTES = 20,
    IPV6_BYTES = 40,
    EXTENSION_BYTES = 8,
    TCP_BYTES = 20,
    UDP_BYTES = 8,
    TYPE_IPV4 = 0x0800,
    TYPE_IPV6 = 0x86DD,
    TYPE_TAG = 0x8100,
    TYPE_SERVICE_TAG = 0x88A8,
    NEXT_HOP_BY_HOP = 0,
    NEXT_FRAGMENT = 44,
    NEXT_DESTINATION = 60,
    FRAGMENT_OFFSET = 24, /* in units of 8 bytes */
    MORE_FRAGMENTS = 0x2000,
    SHORT_PAYLOAD = 64,
};

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value & 0xFFFF);
}

static uint8_t noise(uint32_t seed, size_t at)
{
    uint32_t mixed = (seed + (uint32_t)at * 0x9E3779B1u) ^ (uint32_t)at >> 5;
    mixed ^= mixed >> 15;
    mixed *= 0x85EBCA6Bu;
    return (uint8_t)(mixed >> 24);
}

/* ---- checksums ---- */

static uint32_t sum_of(uint32_t sum, const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; ++i) {
        sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    return sum;
}

uint16_t packet_plan_pseudo_sum(const struct built_packet *packet, bool with_length)
{
    const uint8_t *network = packet->bytes + packet->network;
    uint32_t length = with_length ? (uint32_t)(packet->end - packet->transport) : 0;
    bool ipv4 = network[0] >> 4 == 4;
    uint8_t rest[8] = {0};
    put32(rest, length);
    rest[7] = (uint8_t)packet->kind; /* whatever extension headers stand between */
    uint32_t sum = ipv4 ? sum_of(0, network + 12, 8) : sum_of(0, network + 8, 32);
    return (uint16_t)sum_of(sum, rest, sizeof(rest));
}

static void transport_sum(struct built_packet *packet)
{
    put16(packet->bytes + packet->sum, 0);
    uint16_t sum =
        (uint16_t)~sum_of(packet_plan_pseudo_sum(packet, true), packet->bytes + packet->transport, packet->end - packet->transport);
    put16(packet->bytes + packet->sum, packet->kind == PLAN_UDP && !sum ? 0xFFFF : sum);
}

/* ---- headers, each at packet->length, which it moves on ---- */

static uint8_t *take(struct built_packet *packet, size_t bytes)
{
    uint8_t *at = packet->bytes + packet->length;
    memset(at, 0, bytes);
    packet->length += bytes;
    return at;
}

static void ethernet(const struct packet_plan *plan, struct built_packet *packet)
{
    uint8_t *at = take(packet, 12);
    memcpy(at, plan->to, 6);
    memcpy(at + 6, plan->from, 6);
    for (unsigned i = 0; i < plan->tags; ++i) {
        at = take(packet, TAG_BYTES);
        put16(at, plan->tag_types[i]);
        put16(at + 2, plan->tag_values[i]);
    }
    put16(take(packet, 2), plan->version == 4 ? TYPE_IPV4 : TYPE_IPV6);
}

static size_t transport_bytes(const struct packet_plan *plan)
{
    if (plan->fragment || plan->transport == PLAN_OTHER)
        return 0;
    return plan->transport == PLAN_UDP ? UDP_BYTES : TCP_BYTES + 4 * (size_t)plan->tcp_options;
}

static void ipv4(const struct packet_plan *plan, struct built_packet *packet, size_t carried)
{
    size_t bytes = IPV4_BYTES + 4 * (size_t)plan->options;
    uint8_t *at = take(packet, bytes);
    at[0] = (uint8_t)(0x40 | bytes / 4);
    at[1] = (uint8_t)(plan->tcp_flags & PLAN_TCP_CWR ? 2 : 0); /* ECT(0) where congestion is spoken of */
    put16(at + 2, (unsigned)(bytes + carried));
    put16(at + 4, plan->identification);
    put16(at + 6, plan->fragment ? MORE_FRAGMENTS | FRAGMENT_OFFSET : 0x4000);
    at[8] = 64;
    at[9] = (uint8_t)plan->transport;
    put32(at + 12, 0xC0000200u | (plan->seed & 0x7F));
    put32(at + 16, 0xC6336400u | (plan->seed >> 8 & 0x7F));
    memset(at + IPV4_BYTES, 1, bytes - IPV4_BYTES); /* no operation */
    put16(at + 10, (uint16_t)~sum_of(0, at, bytes));
}

static size_t extension_bytes(const struct packet_plan *plan)
{
    return EXTENSION_BYTES * ((size_t)plan->extension_units + 1);
}

static void extension(const struct packet_plan *plan, struct built_packet *packet, uint8_t next)
{
    uint8_t *at = take(packet, extension_bytes(plan));
    at[0] = next;
    at[1] = (uint8_t)plan->extension_units;
    at[2] = 1; /* PadN: zeros up to the end */
    at[3] = (uint8_t)(extension_bytes(plan) - 4);
}

static void ipv6(const struct packet_plan *plan, struct built_packet *packet, size_t carried)
{
    uint8_t *at = take(packet, IPV6_BYTES);
    at[0] = 0x60;
    put16(at + 4, (unsigned)(carried + extension_bytes(plan) * plan->options + EXTENSION_BYTES * (size_t)plan->fragment));
    at[7] = 64;
    for (unsigned i = 0; i < 32; ++i)
        at[8 + i] = i % 16 == 0 ? 0xFD : noise(plan->seed, 1000 + i);
    uint8_t last = (uint8_t)plan->transport, behind = plan->fragment ? NEXT_FRAGMENT : last;
    at[6] = plan->options ? NEXT_HOP_BY_HOP : behind;
    for (unsigned i = 0; i < plan->options; ++i)
        extension(plan, packet, i + 1 < plan->options ? NEXT_DESTINATION : behind);
    if (plan->fragment) {
        at = take(packet, EXTENSION_BYTES);
        at[0] = last;
        put16(at + 2, FRAGMENT_OFFSET << 3 | 1);
        put32(at + 4, plan->seed);
    }
}

/* `last`: the segment has the end of the payload. */
static void transport(const struct packet_plan *plan, struct built_packet *packet, size_t from, size_t count)
{
    bool last = from + count == plan->payload;
    packet->transport = packet->length;
    uint8_t *at = take(packet, transport_bytes(plan));
    packet->payload = packet->length;
    if (plan->fragment || plan->transport == PLAN_OTHER)
        return;
    put16(at, 1024 + (plan->seed & 0xFFF));
    put16(at + 2, 5001);
    if (plan->transport == PLAN_UDP) {
        put16(at + 4, (unsigned)(UDP_BYTES + count));
        packet->sum = packet->transport + 6;
        return;
    }
    put32(at + 4, plan->sequence + (uint32_t)from);
    put32(at + 8, 0x01020304);
    at[12] = (uint8_t)((TCP_BYTES / 4 + plan->tcp_options) << 4);
    at[13] = plan->tcp_flags;
    if (!last)
        at[13] &= (uint8_t)~(PLAN_TCP_FIN | PLAN_TCP_PSH);
    if (from)
        at[13] &= (uint8_t)~PLAN_TCP_CWR;
    put16(at + 14, 0x7000);
    memset(at + TCP_BYTES, 1, 4 * (size_t)plan->tcp_options);
    packet->sum = packet->transport + 16;
}

/* The packet with the bytes [from, from + count) of the payload. */
static void build(const struct packet_plan *plan, size_t from, size_t count, struct built_packet *packet)
{
    packet->length = packet->sum = 0;
    packet->kind = plan->transport;
    ethernet(plan, packet);
    packet->network = packet->length;
    if (plan->version == 4)
        ipv4(plan, packet, transport_bytes(plan) + count);
    else
        ipv6(plan, packet, transport_bytes(plan) + count);
    transport(plan, packet, from, count);
    uint8_t *payload = take(packet, count);
    for (size_t i = 0; i < count; ++i)
        payload[i] = noise(plan->seed, from + i);
    packet->end = packet->length;
    take(packet, plan->padding);
    if (packet->sum && !plan->without_sum)
        transport_sum(packet);
}

void packet_build(const struct packet_plan *plan, struct built_packet *packet)
{
    build(plan, 0, plan->payload, packet);
}

unsigned packet_segments(const struct packet_plan *plan, size_t mss)
{
    return plan->payload ? (unsigned)((plan->payload + mss - 1) / mss) : 1;
}

void packet_build_segment(const struct packet_plan *plan, size_t mss, unsigned number, struct built_packet *packet)
{
    struct packet_plan segment = *plan;
    size_t from = mss * number, left = plan->payload - from;
    segment.identification = (uint16_t)(plan->identification + number);
    build(&segment, from, left < mss ? left : mss, packet);
}

/* ---- choosing ---- */

size_t packet_plan_headers(const struct packet_plan *plan)
{
    size_t network = plan->version == 4 ? IPV4_BYTES + 4 * (size_t)plan->options
                                        : IPV6_BYTES + extension_bytes(plan) * plan->options + EXTENSION_BYTES * (size_t)plan->fragment;
    return ETHERNET_BYTES + TAG_BYTES * (size_t)plan->tags + network + transport_bytes(plan);
}

struct packet_plan packet_plan_choose(struct random *random, const uint8_t to[6], const uint8_t from[6], size_t longest, bool tags)
{
    struct packet_plan plan = {
        .version = random_chance(random, 50) ? 4 : 6,
        .transport = random_chance(random, 45)   ? PLAN_TCP
                     : random_chance(random, 85) ? PLAN_UDP
                                                 : PLAN_OTHER,
        .fragment = random_chance(random, 8),
        .tcp_flags =
            (uint8_t)(PLAN_TCP_ACK | (random_chance(random, 30) ? PLAN_TCP_PSH : 0) | (random_chance(random, 10) ? PLAN_TCP_FIN : 0)),
        .sequence = (uint32_t)random_next(random),
        .identification = (uint16_t)random_between(random, 0, 0x7000), /* LSO-07: wherever counting wraps, it is not reached */
        .seed = (uint32_t)random_next(random),
    };
    memcpy(plan.to, to, 6);
    memcpy(plan.from, from, 6);
    if (random_chance(random, 35))
        plan.options = random_between(random, 1, plan.version == 4 ? PLAN_OPTION_WORDS_MAX : PLAN_EXTENSIONS_MAX);
    if (plan.version == 6 && plan.options && plan.seed % 4 == 0) /* now and then much longer than anybody's */
        plan.extension_units = (plan.seed >> 8) % (PLAN_EXTENSION_UNITS_MAX + 1);
    if (random_chance(random, 35))
        plan.tcp_options = random_between(random, 1, PLAN_OPTION_WORDS_MAX);
    plan.without_sum = plan.transport == PLAN_UDP && plan.version == 4 && !plan.fragment && random_chance(random, 20);
    plan.tags = tags && random_chance(random, 30) ? random_between(random, 1, PLAN_TAGS_MAX) : 0;
    for (unsigned i = 0; i < plan.tags; ++i) {
        plan.tag_types[i] = plan.tags == 2 && i == 0 ? TYPE_SERVICE_TAG : TYPE_TAG;
        plan.tag_values[i] = (uint16_t)(random_between(random, 0, 7) << 13 | random_between(random, 1, 4094));
    }
    if (packet_plan_headers(&plan) > longest) { /* on a link with a small MTU: without what can be left out */
        plan.options = plan.extension_units = plan.tcp_options = plan.tags = 0;
        plan.fragment = false;
    }
    size_t room = longest - packet_plan_headers(&plan);
    plan.payload = random_chance(random, 40)   ? random_between(random, 0, room < SHORT_PAYLOAD ? (unsigned)room : SHORT_PAYLOAD)
                   : random_chance(random, 20) ? room
                                               : random_between(random, 0, (unsigned)room);
    if (plan.fragment)
        plan.payload &= ~(size_t)7;
    size_t length = packet_plan_headers(&plan) + plan.payload;
    if (length < 60)
        plan.padding = 60 - length;
    return plan;
}
