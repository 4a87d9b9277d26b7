/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* virtio_net_hdr_offload.c - from the Ethernet header to the transport's payload, one bounded step after the other. */
#include "virtio_net_hdr_offload.h"
#include "packet/ethernet_frame.h"

#define ETHERNET_TYPE_SERVICE_VLAN 0x88A8u /* IEEE 802.1ad: the outer of two tags */
#define TAGS_MAXIMUM               2u

#define IPV4_HEADER_MINIMUM 20u
#define IPV4_TOTAL_LENGTH   2u
#define IPV4_FRAGMENT       6u
#define IPV4_PROTOCOL       9u
#define IPV4_FRAGMENT_PIECE 0x3FFFu /* more fragments, or an offset */
#define IPV6_HEADER         40u
#define IPV6_PAYLOAD_LENGTH 4u
#define IPV6_NEXT_HEADER    6u
#define IPV6_EXTENSION_UNIT 8u
#define IPV6_FRAGMENT_PIECE 0xFFF9u
#define IPV6_ROUTING_LEFT   3u
#define TCP_HEADER_MINIMUM  20u
#define TCP_DATA_OFFSET     12u
#define TCP_FLAGS           13u
#define UDP_HEADER          8u
#define UDP_LENGTH          4u

#define PROTOCOL_HOP_BY_HOP     0u
#define PROTOCOL_TCP            6u
#define PROTOCOL_UDP            17u
#define PROTOCOL_ROUTING        43u
#define PROTOCOL_FRAGMENT       44u
#define PROTOCOL_AUTHENTICATION 51u
#define PROTOCOL_DESTINATION    60u

/* What is read from. `end` is where the packet ends, and before the IP header is known the frame; available may be less. */
struct reader {
    const virtio_u8 *bytes;
    virtio_u32 available;
    virtio_u32 end;
};

static virtio_u32 big16(const virtio_u8 *bytes)
{
    return (virtio_u32)bytes[0] << 8 | bytes[1];
}

/* May `count` bytes at `offset` (<= end) be read? */
static enum virtio_net_parse within(const struct reader *reader, virtio_u32 offset, virtio_u32 count)
{
    if (count > reader->end - offset)
        return VIRTIO_NET_MALFORMED;
    return offset + count > reader->available ? VIRTIO_NET_CUT_SHORT : VIRTIO_NET_PARSED;
}

/* ---- transport ---- */

static enum virtio_net_parse read_tcp(const struct reader *reader, virtio_u32 offset, struct virtio_net_frame *frame)
{
    enum virtio_net_parse result = within(reader, offset, TCP_HEADER_MINIMUM);
    virtio_u32 header;

    if (result != VIRTIO_NET_PARSED)
        return result;
    header = ((virtio_u32)reader->bytes[offset + TCP_DATA_OFFSET] >> 4) * 4;
    if (header < TCP_HEADER_MINIMUM)
        return VIRTIO_NET_MALFORMED;
    result = within(reader, offset, header);
    if (result != VIRTIO_NET_PARSED)
        return result;
    frame->tcp_flags = reader->bytes[offset + TCP_FLAGS];
    frame->payload_offset = offset + header;
    frame->transport_end = reader->end;
    frame->transport = VIRTIO_NET_TCP;
    return VIRTIO_NET_PARSED;
}

static enum virtio_net_parse read_udp(const struct reader *reader, virtio_u32 offset, struct virtio_net_frame *frame)
{
    enum virtio_net_parse result = within(reader, offset, UDP_HEADER);
    virtio_u32 length;

    if (result != VIRTIO_NET_PARSED)
        return result;
    length = big16(reader->bytes + offset + UDP_LENGTH);
    if (length < UDP_HEADER || length > reader->end - offset)
        return VIRTIO_NET_MALFORMED;
    frame->payload_offset = offset + UDP_HEADER;
    frame->transport_end = offset + length;
    frame->transport = VIRTIO_NET_UDP;
    return VIRTIO_NET_PARSED;
}

static enum virtio_net_parse read_transport(const struct reader *reader, virtio_u32 protocol, virtio_u32 offset,
                                            struct virtio_net_frame *frame)
{
    frame->transport_offset = offset;
    if (protocol == PROTOCOL_TCP)
        return read_tcp(reader, offset, frame);
    if (protocol == PROTOCOL_UDP)
        return read_udp(reader, offset, frame);
    return VIRTIO_NET_PARSED;
}

/* ---- IP ---- */

static enum virtio_net_parse read_ipv4(struct reader *reader, virtio_bool large, struct virtio_net_frame *frame)
{
    virtio_u32 offset = frame->network_offset, header, total;
    enum virtio_net_parse result = within(reader, offset, IPV4_HEADER_MINIMUM);
    virtio_u8 first;

    if (result != VIRTIO_NET_PARSED)
        return result;
    first = reader->bytes[offset];
    header = (first & 0x0Fu) * 4;
    if (first >> 4 != 4 || header < IPV4_HEADER_MINIMUM)
        return VIRTIO_NET_MALFORMED;
    result = within(reader, offset, header);
    if (result != VIRTIO_NET_PARSED)
        return result;
    if (!large) {
        total = big16(reader->bytes + offset + IPV4_TOTAL_LENGTH);
        if (total < header || total > reader->end - offset)
            return VIRTIO_NET_MALFORMED;
        reader->end = offset + total;
    }
    frame->network = VIRTIO_NET_IPV4;
    frame->network_length = header;
    frame->packet_end = reader->end;
    frame->fragment = (big16(reader->bytes + offset + IPV4_FRAGMENT) & IPV4_FRAGMENT_PIECE) != 0;
    if (frame->fragment)
        return VIRTIO_NET_PARSED;
    return read_transport(reader, reader->bytes[offset + IPV4_PROTOCOL], offset + header, frame);
}

/* Reads the extension header `*protocol` at `*offset`, and moves both on to what follows it. */
static enum virtio_net_parse read_extension(const struct reader *reader, virtio_u32 *protocol, virtio_u32 *offset,
                                            struct virtio_net_frame *frame)
{
    const virtio_u8 *header = reader->bytes + *offset;
    enum virtio_net_parse result = within(reader, *offset, IPV6_EXTENSION_UNIT);
    virtio_u32 length = IPV6_EXTENSION_UNIT;

    if (result != VIRTIO_NET_PARSED)
        return result;
    if (*protocol == PROTOCOL_FRAGMENT) {
        frame->fragment = (big16(header + 2) & IPV6_FRAGMENT_PIECE) != 0;
        frame->atomic_fragment = !frame->fragment;
    } else if (*protocol == PROTOCOL_AUTHENTICATION) {
        length += (virtio_u32)header[1] * 4; /* RFC 4302: in words, less two */
    } else {
        length += (virtio_u32)header[1] * IPV6_EXTENSION_UNIT;
        if (*protocol == PROTOCOL_ROUTING && header[IPV6_ROUTING_LEFT] != 0)
            frame->routed = VIRTIO_TRUE;
    }
    result = within(reader, *offset, length);
    if (result != VIRTIO_NET_PARSED)
        return result;
    *protocol = header[0];
    *offset += length;
    return VIRTIO_NET_PARSED;
}

static virtio_bool is_extension(virtio_u32 protocol)
{
    return protocol == PROTOCOL_HOP_BY_HOP || protocol == PROTOCOL_ROUTING || protocol == PROTOCOL_FRAGMENT ||
           protocol == PROTOCOL_AUTHENTICATION || protocol == PROTOCOL_DESTINATION;
}

static enum virtio_net_parse read_ipv6(struct reader *reader, virtio_bool large, struct virtio_net_frame *frame)
{
    virtio_u32 offset = frame->network_offset, protocol, payload;
    enum virtio_net_parse result = within(reader, offset, IPV6_HEADER);

    if (result != VIRTIO_NET_PARSED)
        return result;
    if (reader->bytes[offset] >> 4 != 6)
        return VIRTIO_NET_MALFORMED;
    if (!large) {
        payload = big16(reader->bytes + offset + IPV6_PAYLOAD_LENGTH);
        if (payload > reader->end - offset - IPV6_HEADER)
            return VIRTIO_NET_MALFORMED;
        reader->end = offset + IPV6_HEADER + payload;
    }
    frame->network = VIRTIO_NET_IPV6;
    frame->network_length = IPV6_HEADER;
    frame->packet_end = reader->end;
    protocol = reader->bytes[offset + IPV6_NEXT_HEADER];
    offset += IPV6_HEADER;
    while (is_extension(protocol)) { /* ends: each is at least eight bytes of those that are there */
        result = read_extension(reader, &protocol, &offset, frame);
        if (result != VIRTIO_NET_PARSED || frame->fragment)
            return result;
    }
    return read_transport(reader, protocol, offset, frame);
}

/* ---- Ethernet ---- */

enum virtio_net_parse virtio_net_parse_frame(const virtio_u8 *bytes, virtio_u32 available, virtio_u32 length, virtio_bool large,
                                             struct virtio_net_frame *frame)
{
    struct reader reader;
    virtio_u32 type, offset = ETHERNET_HEADER_BYTES;
    enum virtio_net_parse result;

    frame->network = VIRTIO_NET_NOT_IP;
    frame->transport = VIRTIO_NET_OTHER;
    frame->tags = 0;
    frame->network_offset = 0;
    frame->network_length = 0;
    frame->packet_end = length;
    frame->transport_offset = 0;
    frame->payload_offset = 0;
    frame->transport_end = length;
    frame->tcp_flags = 0;
    frame->fragment = VIRTIO_FALSE;
    frame->atomic_fragment = VIRTIO_FALSE;
    frame->routed = VIRTIO_FALSE;

    reader.bytes = bytes;
    reader.available = available < length ? available : length;
    reader.end = length;
    result = within(&reader, 0, ETHERNET_HEADER_BYTES);
    if (result != VIRTIO_NET_PARSED)
        return result;
    type = big16(bytes + ETHERNET_TYPE_OFFSET);
    while ((type == ETHERNET_TYPE_VLAN || type == ETHERNET_TYPE_SERVICE_VLAN) && frame->tags < TAGS_MAXIMUM) {
        result = within(&reader, offset, ETHERNET_VLAN_BYTES);
        if (result != VIRTIO_NET_PARSED)
            return result;
        type = big16(bytes + offset + 2);
        offset += ETHERNET_VLAN_BYTES;
        frame->tags++;
    }
    frame->network_offset = offset;
    if (type == ETHERNET_TYPE_IPV4)
        return read_ipv4(&reader, large, frame);
    if (type == ETHERNET_TYPE_IPV6)
        return read_ipv6(&reader, large, frame);
    return VIRTIO_NET_PARSED;
}
