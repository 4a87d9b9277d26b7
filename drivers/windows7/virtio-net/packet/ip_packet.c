/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ip_packet.c - walks from the Ethernet type over IPv4 or IPv6 with its extension headers to TCP or UDP. */
#include "packet/ip_packet.h"

#include "packet/checksum.h"
#include "packet/ethernet_frame.h"

#define IPV4_BYTES           20u
#define IPV4_TOTAL_LENGTH    2u
#define IPV4_FRAGMENT        6u
#define IPV4_FRAGMENT_MASK   0x3FFFu /* more fragments, and the offset */
#define IPV4_PROTOCOL        9u
#define IPV4_ADDRESSES       12u
#define IPV4_ADDRESSES_BYTES 8u
#define IPV6_BYTES           40u
#define IPV6_PAYLOAD_LENGTH  4u
#define IPV6_NEXT_HEADER     6u
#define IPV6_ADDRESSES       8u
#define IPV6_ADDRESSES_BYTES 32u
#define IPV6_HOP_BY_HOP      0u
#define IPV6_ROUTING         43u
#define IPV6_FRAGMENT        44u
#define IPV6_DESTINATION     60u
#define IPV6_SEGMENTS_LEFT   3u
#define EXTENSION_BYTES      8u
#define EXTENSIONS_MAXIMUM   8u
#define TCP_BYTES            20u
#define UDP_BYTES            8u
#define UDP_LENGTH           4u

static virtio_u32 big16(const virtio_u8 *bytes)
{
    return (virtio_u32)bytes[0] << 8 | bytes[1];
}

static void read_ipv4(const virtio_u8 *bytes, virtio_u32 readable, virtio_u32 length, struct ip_packet *packet, virtio_u32 *protocol)
{
    const virtio_u8 *header = bytes + packet->network;
    virtio_u32 first, total;

    *protocol = 0;
    if (readable - packet->network < IPV4_BYTES)
        return;
    first = header[0];
    total = big16(header + IPV4_TOTAL_LENGTH);
    packet->network_bytes = (first & 0x0Fu) * 4;
    if (first >> 4 != 4 || packet->network_bytes < IPV4_BYTES || total < packet->network_bytes || total > length - packet->network ||
        packet->network_bytes > readable - packet->network)
        return;
    packet->version = 4;
    packet->end = packet->network + total;
    packet->transport = packet->network + packet->network_bytes;
    packet->fragment = (big16(header + IPV4_FRAGMENT) & IPV4_FRAGMENT_MASK) != 0;
    *protocol = header[IPV4_PROTOCOL];
}

/* Follows the extension headers. *protocol becomes that of the first header that is none of them, or 0 when it cannot be known. */
static void follow_extensions(const virtio_u8 *bytes, virtio_u32 readable, struct ip_packet *packet, virtio_u32 *protocol)
{
    virtio_u32 limit = packet->end < readable ? packet->end : readable;
    virtio_u32 next = *protocol, count;

    *protocol = 0;
    for (count = 0; count < EXTENSIONS_MAXIMUM; count++) {
        const virtio_u8 *header = bytes + packet->transport;
        virtio_u32 size;

        if (next == IPV6_FRAGMENT)
            packet->fragment = VIRTIO_TRUE;
        if (next != IPV6_HOP_BY_HOP && next != IPV6_ROUTING && next != IPV6_DESTINATION) {
            *protocol = next;
            return;
        }
        if (limit - packet->transport < EXTENSION_BYTES)
            return;
        /* With segments left, the destination that the pseudo header takes is another one. */
        if (next == IPV6_ROUTING && header[IPV6_SEGMENTS_LEFT] != 0)
            return;
        next = header[0];
        size = ((virtio_u32)header[1] + 1) * EXTENSION_BYTES;
        if (size > limit - packet->transport)
            return;
        packet->transport += size;
    }
}

static void read_ipv6(const virtio_u8 *bytes, virtio_u32 readable, virtio_u32 length, struct ip_packet *packet, virtio_u32 *protocol)
{
    const virtio_u8 *header = bytes + packet->network;
    virtio_u32 payload;

    *protocol = 0;
    if (readable - packet->network < IPV6_BYTES)
        return;
    payload = big16(header + IPV6_PAYLOAD_LENGTH);
    if (header[0] >> 4 != 6 || payload == 0 || payload > length - packet->network - IPV6_BYTES)
        return;
    packet->version = 6;
    packet->network_bytes = IPV6_BYTES;
    packet->transport = packet->network + IPV6_BYTES;
    packet->end = packet->transport + payload;
    *protocol = header[IPV6_NEXT_HEADER];
    follow_extensions(bytes, readable, packet, protocol);
}

/* Is the header of TCP or UDP whole, and its own length right? */
static virtio_bool transport_is_whole(const virtio_u8 *bytes, virtio_u32 readable, const struct ip_packet *packet, virtio_u32 protocol)
{
    virtio_u32 limit = packet->end < readable ? packet->end : readable;

    if (packet->fragment || packet->transport > limit)
        return VIRTIO_FALSE;
    if (protocol == IP_PROTOCOL_TCP)
        return limit - packet->transport >= TCP_BYTES;
    return protocol == IP_PROTOCOL_UDP && limit - packet->transport >= UDP_BYTES &&
           big16(bytes + packet->transport + UDP_LENGTH) == packet->end - packet->transport;
}

void ip_packet_read(const virtio_u8 *bytes, virtio_u32 readable, virtio_u32 length, struct ip_packet *packet)
{
    struct ethernet_frame frame;
    virtio_u32 protocol = 0;

    packet->version = 0;
    packet->fragment = VIRTIO_FALSE;
    packet->protocol = 0;
    if (readable > length || !ethernet_read_header(bytes, readable, &frame))
        return;
    packet->network = frame.header_length;
    if (frame.type == ETHERNET_TYPE_IPV4)
        read_ipv4(bytes, readable, length, packet, &protocol);
    else if (frame.type == ETHERNET_TYPE_IPV6)
        read_ipv6(bytes, readable, length, packet, &protocol);
    if (packet->version != 0 && transport_is_whole(bytes, readable, packet, protocol))
        packet->protocol = protocol;
}

virtio_u16 ip_packet_pseudo_sum(const virtio_u8 *bytes, const struct ip_packet *packet)
{
    virtio_u32 payload = packet->end - packet->transport; /* < 2^16 */
    struct checksum checksum;
    virtio_u8 rest[4];

    rest[0] = 0;
    rest[1] = (virtio_u8)packet->protocol;
    rest[2] = (virtio_u8)(payload >> 8);
    rest[3] = (virtio_u8)payload;
    checksum_begin(&checksum);
    checksum_add(&checksum, rest, sizeof rest);
    if (packet->version == 4)
        checksum_add(&checksum, bytes + packet->network + IPV4_ADDRESSES, IPV4_ADDRESSES_BYTES);
    else
        checksum_add(&checksum, bytes + packet->network + IPV6_ADDRESSES, IPV6_ADDRESSES_BYTES);
    return checksum_value(&checksum);
}
