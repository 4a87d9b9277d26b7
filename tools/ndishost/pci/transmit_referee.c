/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* transmit_referee.c - walks a live transmit queue as a device does, and resolves each frame's offload requests. */
#include "transmit_referee.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "frame/internet_checksum.h"
#include "frame/packet.h"
#include "rules/rules.h"

#define FEATURE(bit)                 (UINT64_C(1) << (bit))
#define BROKEN(referee_, id_, ...)   rule_violated((id_), (referee_)->object, __VA_ARGS__)
#define ACCEPTED(referee_, feature_) (((referee_)->ring.accepted >> (feature_)) & 1)

enum {
    REFEREES_MAX = 16,
    HEADER_BYTES = 12,
    PIECES_MAX = 1024,
    DESCRIPTOR_BYTES = 16,
    DESCRIPTOR_NEXT = 1,
    DESCRIPTOR_WRITE = 2,
    DESCRIPTOR_INDIRECT = 4,
    FEATURE_CSUM = 0,
    FEATURE_HOST_TSO4 = 11,
    FEATURE_HOST_TSO6 = 12,
    FEATURE_HOST_ECN = 13,
    NEEDS_CSUM = 1,
    GSO_TCPV4 = 1,
    GSO_TCPV6 = 4,
    GSO_ECN = 0x80,
    TCP_CWR = 0x80,
};

struct transmit_referee {
    const uint8_t *ram;
    uint64_t ram_size;
    const void *object;
    _Atomic(const uint8_t *) live; /* the available ring, NULL: stopped */
    atomic_uint seen;              /* available index up to which frames were judged */
    atomic_ullong frames;
    atomic_bool sums_trusted;
    pthread_mutex_t lock; /* guards what follows, and the judging */
    struct transmit_ring ring;
};

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER; /* guards changes of the list */
static _Atomic(struct transmit_referee *) referees[REFEREES_MAX];
static atomic_uint looking; /* threads in transmit_referees_look(): nobody is freed meanwhile */

/* ---- guest memory ---- */

static const uint8_t *guest(const struct transmit_referee *referee, uint64_t address, uint64_t length)
{
    return address <= referee->ram_size && length <= referee->ram_size - address ? referee->ram + address : NULL;
}

static uint32_t little(const uint8_t *at, unsigned bytes)
{
    uint32_t value = 0;

    for (unsigned index = bytes; index--;)
        value = value << 8 | at[index];
    return value;
}

/* The index that the driver publishes last: what it covers was written before. */
static uint16_t available_index(const uint8_t *ring)
{
    return atomic_load_explicit((const _Atomic uint16_t *)(const void *)(ring + 2), memory_order_acquire);
}

/* ---- one chain ---- */

struct piece {
    const uint8_t *bytes;
    size_t length;
};

struct exposed {
    struct piece pieces[PIECES_MAX];
    unsigned count;
    size_t length; /* header and frame */
};

/* False for a chain that no device could read: that is the device's to say. */
static bool walk(const struct transmit_referee *referee, uint64_t table, uint32_t entries, uint32_t at, bool indirect,
                 struct exposed *exposed)
{
    for (uint32_t steps = 0; steps < entries; steps++) {
        const uint8_t *entry = at < entries ? guest(referee, table + (uint64_t)at * DESCRIPTOR_BYTES, DESCRIPTOR_BYTES) : NULL;
        uint64_t address;
        uint32_t length, flags;
        const uint8_t *bytes;

        if (!entry)
            return false;
        address = little(entry, 4) | (uint64_t)little(entry + 4, 4) << 32;
        length = little(entry + 8, 4);
        flags = little(entry + 12, 2);
        if (flags & DESCRIPTOR_WRITE)
            return false;
        if (flags & DESCRIPTOR_INDIRECT)
            return !indirect && walk(referee, address, length / DESCRIPTOR_BYTES, 0, true, exposed);
        bytes = guest(referee, address, length);
        if (!bytes || exposed->count == PIECES_MAX)
            return false;
        exposed->pieces[exposed->count++] = (struct piece){bytes, length};
        exposed->length += length;
        if (!(flags & DESCRIPTOR_NEXT))
            return true;
        at = little(entry + 14, 2);
    }
    return false;
}

static size_t copy_front(const struct exposed *exposed, uint8_t *front, size_t size)
{
    size_t have = 0;

    for (unsigned index = 0; index < exposed->count && have < size; index++) {
        size_t take = exposed->pieces[index].length < size - have ? exposed->pieces[index].length : size - have;

        memcpy(front + have, exposed->pieces[index].bytes, take);
        have += take;
    }
    return have;
}

/* Adds [from, to) of header and frame. */
static void sum_exposed(const struct exposed *exposed, size_t from, size_t to, struct internet_sum *sum)
{
    size_t at = 0;

    for (unsigned index = 0; index < exposed->count && at < to; index++) {
        const struct piece *piece = &exposed->pieces[index];
        size_t begin = from > at ? from - at : 0, end = to - at < piece->length ? to - at : piece->length;

        if (begin < end)
            internet_sum_add(sum, piece->bytes + begin, end - begin);
        at += piece->length;
    }
}

/* ---- judging ---- */

/* A frame that is judged: the virtio header, and the front of the frame. */
struct judged {
    uint8_t flags, kind;
    bool ecn;
    uint16_t header_length, segment_size, checksum_start, checksum_offset;
    const uint8_t *frame;
    size_t length;
    struct packet packet;
};

/*
 * NEEDS_CSUM: the device adds everything from csum_start on to what stands in the field. The result is right if and only if that is the
 * pseudo header's sum, with the length; for a large frame each segment's is right if and only if it is the large packet's, as the device
 * exchanges the length only. So nothing but the headers has to be read.
 */
static void judge_request(struct transmit_referee *referee, const struct judged *judged)
{
    const struct packet *packet = &judged->packet;
    uint16_t partial, wanted;

    if (!ACCEPTED(referee, FEATURE_CSUM))
        BROKEN(referee, "N14", "flags are 0x%02x, but CSUM was not negotiated", judged->flags);
    if (packet->transport == TRANSPORT_OTHER) {
        BROKEN(referee, "N17", "a checksum is requested for %s",
               packet->malformed  ? packet->malformed
               : packet->fragment ? "a fragment"
                                  : "a frame that is neither TCP nor UDP");
        return;
    }
    if (judged->checksum_start != packet->transport_at || judged->checksum_offset != packet_sum_offset(packet)) {
        BROKEN(referee, "N17", "csum_start %u and csum_offset %u, must be %zu and %u", judged->checksum_start, judged->checksum_offset,
               packet->transport_at, packet_sum_offset(packet));
        return;
    }
    partial = (uint16_t)packet_get16(judged->frame + packet->transport_at + packet_sum_offset(packet));
    wanted = packet_pseudo_sum(judged->frame, packet, (uint32_t)(packet->end - packet->transport_at));
    if (!internet_sums_equal(partial, wanted))
        BROKEN(referee, "N17", "the checksum field holds 0x%04x, the sum of the pseudo header is 0x%04x", partial, wanted);
    if (!packet_header_sum_good(judged->frame, packet))
        BROKEN(referee, "HOST-CHECKSUM", "the IPv4 header checksum of a frame with NEEDS_CSUM is wrong");
}

static void judge_large(struct transmit_referee *referee, const struct judged *judged)
{
    const struct packet *packet = &judged->packet;
    unsigned feature = judged->kind == GSO_TCPV4 ? FEATURE_HOST_TSO4 : FEATURE_HOST_TSO6;

    if ((judged->kind != GSO_TCPV4 && judged->kind != GSO_TCPV6) || !ACCEPTED(referee, feature)) {
        BROKEN(referee, "N15", "gso_type is 0x%02x, which was not negotiated", judged->kind);
        return;
    }
    if (!(judged->flags & NEEDS_CSUM) || !judged->segment_size)
        BROKEN(referee, "N18", "a large frame with flags 0x%02x and gso_size %u", judged->flags, judged->segment_size);
    if (packet->transport != TRANSPORT_TCP || packet->version != (judged->kind == GSO_TCPV4 ? 4u : 6u)) {
        BROKEN(referee, "HOST-OFFLOAD", "gso_type is 0x%02x for a frame that is something else", judged->kind);
        return;
    }
    if (packet->end != judged->length || !packet_get16(judged->frame + packet->network + (packet->version == 4 ? 2 : 4)))
        BROKEN(referee, "HOST-OFFLOAD", "the IP packet of a large frame ends at %zu, the frame at %zu", packet->end, judged->length);
    if (judged->header_length < packet->payload || judged->header_length > judged->length)
        rule_warned("N18", referee->object, "hdr_len is %u, the headers take %zu", judged->header_length, packet->payload);
    if (judged->ecn && !ACCEPTED(referee, FEATURE_HOST_ECN))
        BROKEN(referee, "N16", "the ECN bit of gso_type is set, HOST_ECN was not negotiated");
    if ((packet->tcp_flags & TCP_CWR) && !judged->ecn)
        BROKEN(referee, "N16", "a large frame with CWR goes without the ECN bit of gso_type");
}

/* Nobody will complete it: every sum must be right. */
static void judge_complete(struct transmit_referee *referee, const struct judged *judged, const struct exposed *exposed)
{
    const struct packet *packet = &judged->packet;
    struct internet_sum sum = {0};

    if (!packet_header_sum_good(judged->frame, packet))
        BROKEN(referee, "HOST-CHECKSUM", "the IPv4 header checksum of a transmitted frame is wrong");
    if (packet->transport == TRANSPORT_OTHER || (packet->transport == TRANSPORT_UDP && packet->version == 4 &&
                                                 !packet_get16(judged->frame + packet->transport_at + PACKET_UDP_SUM)))
        return;
    internet_sum_add_number(&sum, packet_pseudo_sum(judged->frame, packet, (uint32_t)(packet->end - packet->transport_at)));
    sum_exposed(exposed, HEADER_BYTES + packet->transport_at, HEADER_BYTES + packet->end, &sum);
    if (internet_sum_value(&sum) != 0xFFFF)
        BROKEN(referee, "HOST-CHECKSUM", "the %s checksum of a transmitted frame of %zu bytes is wrong",
               packet->transport == TRANSPORT_TCP ? "TCP" : "UDP", judged->length);
}

static void judge(struct transmit_referee *referee, const struct exposed *exposed)
{
    uint8_t front[HEADER_BYTES + PACKET_HEADERS_MAX];
    size_t have = copy_front(exposed, front, sizeof(front));
    struct judged judged;

    if (have < HEADER_BYTES + PACKET_ETHERNET)
        return;
    judged = (struct judged){.flags = front[0],
                             .kind = front[1] & (uint8_t)~GSO_ECN,
                             .ecn = (front[1] & GSO_ECN) != 0,
                             .header_length = (uint16_t)little(front + 2, 2),
                             .segment_size = (uint16_t)little(front + 4, 2),
                             .checksum_start = (uint16_t)little(front + 6, 2),
                             .checksum_offset = (uint16_t)little(front + 8, 2),
                             .frame = front + HEADER_BYTES,
                             .length = exposed->length - HEADER_BYTES};
    packet_parse(judged.frame, have - HEADER_BYTES, judged.length, &judged.packet);
    if (judged.kind)
        judge_large(referee, &judged);
    if (judged.flags & NEEDS_CSUM)
        judge_request(referee, &judged);
    else if (!judged.kind && !referee->sums_trusted)
        judge_complete(referee, &judged, exposed);
    atomic_fetch_add(&referee->frames, 1);
}

/* ---- looking ---- */

/* Lock held. */
static void look(struct transmit_referee *referee)
{
    static _Thread_local struct exposed exposed;
    const uint8_t *ring = atomic_load(&referee->live);
    uint16_t index, seen = (uint16_t)atomic_load(&referee->seen);

    if (!ring)
        return;
    index = available_index(ring);
    /* More than the queue holds: the index is nonsense, and the device's to complain about. */
    if ((uint16_t)(index - seen) > referee->ring.size)
        seen = index;
    for (; seen != index; seen++) {
        uint32_t head = little(ring + 4 + 2 * (seen % referee->ring.size), 2);

        exposed.count = 0;
        exposed.length = 0;
        if (walk(referee, referee->ring.descriptors, referee->ring.size, head, false, &exposed))
            judge(referee, &exposed);
    }
    atomic_store(&referee->seen, index);
}

void transmit_referees_look(void)
{
    atomic_fetch_add(&looking, 1);
    for (unsigned slot = 0; slot < REFEREES_MAX; slot++) {
        struct transmit_referee *referee = atomic_load(&referees[slot]);
        const uint8_t *ring = referee ? atomic_load(&referee->live) : NULL;

        if (!ring || available_index(ring) == (uint16_t)atomic_load(&referee->seen))
            continue;
        pthread_mutex_lock(&referee->lock);
        look(referee);
        pthread_mutex_unlock(&referee->lock);
    }
    atomic_fetch_sub(&looking, 1);
}

/* ---- life ---- */

struct transmit_referee *transmit_referee_create(const uint8_t *ram, uint64_t ram_size, const void *object)
{
    struct transmit_referee *referee = calloc(1, sizeof(*referee));
    unsigned slot = 0;

    if (!referee)
        return NULL;
    referee->ram = ram;
    referee->ram_size = ram_size;
    referee->object = object;
    pthread_mutex_init(&referee->lock, NULL);
    pthread_mutex_lock(&list_lock);
    while (slot < REFEREES_MAX && atomic_load(&referees[slot]))
        slot++;
    if (slot < REFEREES_MAX)
        atomic_store(&referees[slot], referee);
    pthread_mutex_unlock(&list_lock);
    if (slot < REFEREES_MAX)
        return referee;
    pthread_mutex_destroy(&referee->lock);
    free(referee);
    return NULL;
}

void transmit_referee_destroy(struct transmit_referee *referee)
{
    if (!referee)
        return;
    pthread_mutex_lock(&list_lock);
    for (unsigned slot = 0; slot < REFEREES_MAX; slot++) {
        if (atomic_load(&referees[slot]) == referee)
            atomic_store(&referees[slot], NULL);
    }
    pthread_mutex_unlock(&list_lock);
    while (atomic_load(&looking))
        ; /* each look is short, and new ones do not find it */
    pthread_mutex_destroy(&referee->lock);
    free(referee);
}

void transmit_referee_start(struct transmit_referee *referee, const struct transmit_ring *ring)
{
    const uint8_t *available = guest(referee, ring->available, 4 + 2 * (uint64_t)ring->size);

    if (!available || !ring->size || ring->available % 2)
        return; /* no device could use it */
    pthread_mutex_lock(&referee->lock);
    referee->ring = *ring;
    atomic_store(&referee->seen, 0);
    atomic_store(&referee->live, available);
    pthread_mutex_unlock(&referee->lock);
}

void transmit_referee_stop(struct transmit_referee *referee)
{
    pthread_mutex_lock(&referee->lock);
    look(referee);
    atomic_store(&referee->live, NULL);
    pthread_mutex_unlock(&referee->lock);
}

void transmit_referee_trust_sums(struct transmit_referee *referee, bool trusted)
{
    referee->sums_trusted = trusted;
}

uint64_t transmit_referee_frames(const struct transmit_referee *referee)
{
    return atomic_load(&referee->frames);
}
