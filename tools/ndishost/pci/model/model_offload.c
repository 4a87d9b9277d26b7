/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_offload.c - checksum completion and segmentation (TCP over IPv4 and IPv6, UDP), as a host's network stack performs them. */
#include "model_offload.h"

#include <string.h>

#include "model_constants.h"

enum {
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_IPV6 = 0x86dd,
    ETHERTYPE_VLAN = 0x8100,
    ETHERTYPE_QINQ = 0x88a8,
    TCP_FIN = 0x01,
    TCP_PSH = 0x08,
    TCP_CWR = 0x80,
    UDP_BYTES = 8,
    TCP_BYTES = 20,
    IPV6_FIXED = 40,
    LARGE_MAX = 65535,
};

/* ---- header ---- */

static uint16_t wire16(const uint8_t *wire)
{
    return (uint16_t)(wire[0] | wire[1] << 8);
}

static void wire16_put(uint8_t *wire, uint16_t value)
{
    wire[0] = (uint8_t)value;
    wire[1] = (uint8_t)(value >> 8);
}

struct model_net_header model_net_header_parse(const uint8_t *wire, unsigned bytes)
{
    return (struct model_net_header){
        .flags = wire[HEADER_FLAGS],
        .gso_type = wire[HEADER_GSO_TYPE],
        .hdr_len = wire16(wire + HEADER_HDR_LEN),
        .gso_size = wire16(wire + HEADER_GSO_SIZE),
        .csum_start = wire16(wire + HEADER_CSUM_START),
        .csum_offset = wire16(wire + HEADER_CSUM_OFFSET),
        .num_buffers = bytes >= HEADER_MODERN_BYTES ? wire16(wire + HEADER_NUM_BUFFERS) : 0,
    };
}

void model_net_header_write(const struct model_net_header *header, uint8_t *wire, unsigned bytes)
{
    wire[HEADER_FLAGS] = header->flags;
    wire[HEADER_GSO_TYPE] = header->gso_type;
    wire16_put(wire + HEADER_HDR_LEN, header->hdr_len);
    wire16_put(wire + HEADER_GSO_SIZE, header->gso_size);
    wire16_put(wire + HEADER_CSUM_START, header->csum_start);
    wire16_put(wire + HEADER_CSUM_OFFSET, header->csum_offset);
    if (bytes >= HEADER_MODERN_BYTES)
        wire16_put(wire + HEADER_NUM_BUFFERS, header->num_buffers);
}

/* ---- checksums: network byte order in 16-bit words ---- */

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static void put16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static uint16_t folded(uint32_t sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)(sum + (sum >> 16));
}

static uint16_t words_sum(const uint8_t *bytes, size_t length)
{
    uint32_t sum = 0;
    for (; length > 1; bytes += 2, length -= 2)
        sum = folded(sum + get16(bytes));
    return length ? folded(sum + ((uint32_t)*bytes << 8)) : (uint16_t)sum;
}

const char *model_offload_checksum(uint8_t *frame, size_t length, uint16_t csum_start, uint16_t csum_offset)
{
    if ((size_t)csum_start + csum_offset + 2 > length)
        return "csum_start and csum_offset lead out of the frame";
    uint16_t sum = (uint16_t)~words_sum(frame + csum_start, length - csum_start);
    put16(frame + csum_start + csum_offset, sum ? sum : 0xffff); /* 0 would mean "none" to UDP, and both are zero to others */
    return NULL;
}

/* ---- segmentation ---- */

/* The parts of a large frame. */
struct large {
    bool is_ipv4, is_tcp;
    size_t network, transport, payload, length;
};

static size_t network_offset(const uint8_t *frame, size_t length, uint16_t *type)
{
    size_t at = ETHERNET_HEADER;
    *type = get16(frame + 12);
    while ((*type == ETHERTYPE_VLAN || *type == ETHERTYPE_QINQ) && length - at >= VLAN_TAG) {
        *type = get16(frame + at + 2);
        at += VLAN_TAG;
    }
    return at;
}

static const char *large_find(const struct model_net_header *header, const uint8_t *frame, size_t length, struct large *large)
{
    uint8_t kind = header->gso_type & (uint8_t)~GSO_ECN;
    uint16_t type;
    if (length < ETHERNET_HEADER || length > LARGE_MAX + ETHERNET_HEADER + 2 * VLAN_TAG)
        return "the large frame's length is impossible";
    large->network = network_offset(frame, length, &type);
    large->transport = header->csum_start;
    large->length = length;
    large->is_tcp = kind == GSO_TCPV4 || kind == GSO_TCPV6;
    large->is_ipv4 = type == ETHERTYPE_IPV4;
    if (type != ETHERTYPE_IPV4 && type != ETHERTYPE_IPV6)
        return "the large frame is not an IP packet";
    if ((kind == GSO_TCPV4 && !large->is_ipv4) || (kind == GSO_TCPV6 && large->is_ipv4))
        return "gso_type names the other version of IP";
    size_t fixed = large->is_ipv4 ? 20 : IPV6_FIXED, needed = large->is_tcp ? TCP_BYTES : UDP_BYTES;
    if (large->transport < large->network + fixed || large->transport + needed > length)
        return "csum_start is not where a transport header can be";
    if (large->is_ipv4 && (size_t)(frame[large->network] & 15) * 4 > large->transport - large->network)
        return "the IPv4 header is longer than csum_start says";
    large->payload = large->transport + (large->is_tcp ? (size_t)(frame[large->transport + 12] >> 4) * 4 : UDP_BYTES);
    if (large->payload < large->transport + needed || large->payload > length)
        return "the transport header does not fit";
    return NULL;
}

/* Turns the copied headers into those of the segment at `position` of the payload, `bytes` long. */
static void segment_finish(const struct large *large, uint8_t *segment, unsigned number, size_t position, size_t bytes, bool last,
                           uint16_t csum_offset)
{
    size_t length = large->payload + bytes;
    uint8_t *network = segment + large->network, *transport = segment + large->transport;
    uint16_t old_transport = (uint16_t)(large->length - large->transport), new_transport = (uint16_t)(length - large->transport);
    if (large->is_ipv4) {
        put16(network + 2, (uint16_t)(length - large->network));
        put16(network + 4, (uint16_t)(get16(network + 4) + number));
        put16(network + 10, 0);
        put16(network + 10, (uint16_t)~words_sum(network, (size_t)(network[0] & 15) * 4));
    } else {
        put16(network + 4, (uint16_t)(length - large->network - IPV6_FIXED));
    }
    if (large->is_tcp) {
        uint32_t sequence = (uint32_t)get16(transport + 4) << 16 | get16(transport + 6);
        sequence += (uint32_t)position;
        put16(transport + 4, (uint16_t)(sequence >> 16));
        put16(transport + 6, (uint16_t)sequence);
        if (!last)
            transport[13] &= (uint8_t)~(TCP_FIN | TCP_PSH);
        if (number)
            transport[13] &= (uint8_t)~TCP_CWR;
    } else {
        put16(transport + 4, new_transport);
    }
    /* The partial sum holds the length of the large packet; it is exchanged, nothing else is summed again. */
    uint8_t *field = transport + csum_offset;
    put16(field, folded((uint32_t)get16(field) + (uint16_t)~old_transport + new_transport));
}

static const char *segments_cut(const struct model_net_header *header, const uint8_t *frame, size_t length, uint8_t *segment,
                                void (*emit)(void *context, const uint8_t *frame, size_t length), void *context)
{
    struct large large;
    const char *trouble = large_find(header, frame, length, &large);
    if (!trouble && header->gso_size == 0)
        trouble = "gso_size is 0";
    if (!trouble && (size_t)header->csum_offset + 2 > large.payload - large.transport)
        trouble = "csum_offset leads out of the transport header";
    size_t position = 0, left = trouble ? 0 : length - large.payload;
    for (unsigned number = 0; !trouble && (left || number == 0); number++) {
        size_t bytes = left < header->gso_size ? left : header->gso_size;
        memcpy(segment, frame, large.payload);
        memcpy(segment + large.payload, frame + large.payload + position, bytes);
        left -= bytes;
        segment_finish(&large, segment, number, position, bytes, left == 0, header->csum_offset);
        position += bytes;
        trouble = model_offload_checksum(segment, large.payload + bytes, header->csum_start, header->csum_offset);
        if (!trouble)
            emit(context, segment, large.payload + bytes);
    }
    return trouble;
}

const char *model_offload_resolve(const struct model_net_header *header, uint8_t *frame, size_t length, uint8_t *segment,
                                  void (*emit)(void *context, const uint8_t *frame, size_t length), void *context)
{
    if ((header->gso_type & ~GSO_ECN) != GSO_NONE)
        return segments_cut(header, frame, length, segment, emit, context);
    if (header->flags & HDR_NEEDS_CSUM) {
        const char *trouble = model_offload_checksum(frame, length, header->csum_start, header->csum_offset);
        if (trouble)
            return trouble;
    }
    emit(context, frame, length);
    return NULL;
}
