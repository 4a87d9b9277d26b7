/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* packet.c - Ethernet, VLAN tags, IPv4, IPv6 with extension headers, TCP, UDP. */
#include "frame/packet.h"

#include "frame/internet_checksum.h"

enum {
    TYPE_IPV4 = 0x0800,
    TYPE_IPV6 = 0x86DD,
    TYPE_VLAN = 0x8100,
    TYPE_SERVICE_VLAN = 0x88A8,
    IPV4_HEADER = 20,
    IPV6_HEADER = 40,
    TCP_HEADER = 20,
    UDP_HEADER = 8,
    TAGS_MAX = 2,
    EXTENSIONS_MAX = 16,
    FRAGMENT_BITS = 0x3FFF, /* more fragments, and the offset */
};
enum protocol { HOP_BY_HOP = 0, TCP = 6, UDP = 17, ROUTING = 43, FRAGMENT = 44, AUTHENTICATION = 51, DESTINATION = 60 };

static void malformed(struct packet *packet, const char *what)
{
    packet->malformed = what;
    packet->transport = TRANSPORT_OTHER;
}

/* Both return where the transport header is; 0: there is none to read. */
static size_t read_ipv4(const uint8_t *frame, size_t have, size_t length, struct packet *packet)
{
    const uint8_t *header = frame + packet->network;
    size_t room = length - packet->network, bytes, total;

    if (have < packet->network + IPV4_HEADER || header[0] >> 4 != 4) {
        malformed(packet, "the IPv4 header does not fit");
        return 0;
    }
    bytes = (size_t)(header[0] & 15) * 4;
    total = packet_get16(header + 2);
    if (!total)
        total = room;
    if (bytes < IPV4_HEADER || bytes > total || total > room || packet->network + bytes > have) {
        malformed(packet, "the IPv4 lengths do not fit the frame");
        return 0;
    }
    packet->version = 4;
    packet->ip_options = bytes > IPV4_HEADER;
    packet->end = packet->network + total;
    packet->protocol = header[9];
    packet->fragment = (packet_get16(header + 6) & FRAGMENT_BITS) != 0;
    return packet->fragment ? 0 : packet->network + bytes;
}

static size_t read_ipv6(const uint8_t *frame, size_t have, size_t length, struct packet *packet)
{
    const uint8_t *header = frame + packet->network;
    size_t at = packet->network + IPV6_HEADER, payload;

    if (have < at || header[0] >> 4 != 6) {
        malformed(packet, "the IPv6 header does not fit");
        return 0;
    }
    payload = packet_get16(header + 4);
    if (payload > length - at) {
        malformed(packet, "the IPv6 payload length does not fit the frame");
        return 0;
    }
    packet->version = 6;
    packet->end = payload ? at + payload : length;
    packet->protocol = header[6];
    for (unsigned count = 0; count < EXTENSIONS_MAX; count++) {
        size_t bytes;

        if (packet->protocol != HOP_BY_HOP && packet->protocol != ROUTING && packet->protocol != DESTINATION &&
            packet->protocol != AUTHENTICATION && packet->protocol != FRAGMENT)
            return at;
        packet->ip_options = true;
        if (packet->protocol == FRAGMENT) {
            packet->fragment = true;
            return 0;
        }
        if (packet->end - at < 8 || at + 8 > have) {
            malformed(packet, "an IPv6 extension header does not fit");
            return 0;
        }
        bytes = packet->protocol == AUTHENTICATION ? 8 + 4 * (size_t)frame[at + 1] : 8 + 8 * (size_t)frame[at + 1];
        if (bytes > packet->end - at) {
            malformed(packet, "an IPv6 extension header does not fit");
            return 0;
        }
        packet->protocol = frame[at];
        at += bytes;
    }
    malformed(packet, "more IPv6 extension headers than anybody sends");
    return 0;
}

static void read_transport(const uint8_t *frame, size_t have, size_t at, struct packet *packet)
{
    size_t bytes;

    if (packet->protocol != TCP && packet->protocol != UDP)
        return;
    bytes = packet->protocol == TCP ? TCP_HEADER : UDP_HEADER;
    if (packet->end - at < bytes || at + bytes > have) {
        malformed(packet, "the transport header does not fit");
        return;
    }
    packet->transport_at = at;
    if (packet->protocol == UDP) {
        packet->transport = TRANSPORT_UDP;
        packet->payload = at + UDP_HEADER;
        return;
    }
    bytes = (size_t)(frame[at + 12] >> 4) * 4;
    if (bytes < TCP_HEADER || bytes > packet->end - at || at + bytes > have) {
        malformed(packet, "the TCP header does not fit");
        return;
    }
    packet->transport = TRANSPORT_TCP;
    packet->tcp_options = bytes > TCP_HEADER;
    packet->tcp_flags = frame[at + 13];
    packet->payload = at + bytes;
}

void packet_parse(const uint8_t *frame, size_t have, size_t length, struct packet *packet)
{
    size_t at = PACKET_ETHERNET;
    unsigned type;

    *packet = (struct packet){.end = length};
    if (have > length)
        have = length;
    if (have < PACKET_ETHERNET) {
        malformed(packet, "shorter than an Ethernet header");
        return;
    }
    type = packet_get16(frame + 12);
    while ((type == TYPE_VLAN || type == TYPE_SERVICE_VLAN) && packet->tags < TAGS_MAX) {
        if (have < at + PACKET_TAG) {
            malformed(packet, "the VLAN tag does not fit");
            return;
        }
        type = packet_get16(frame + at + 2);
        at += PACKET_TAG;
        packet->tags++;
    }
    packet->network = at;
    if (type != TYPE_IPV4 && type != TYPE_IPV6)
        return;
    at = type == TYPE_IPV4 ? read_ipv4(frame, have, length, packet) : read_ipv6(frame, have, length, packet);
    if (at)
        read_transport(frame, have, at, packet);
}

uint16_t packet_pseudo_sum(const uint8_t *frame, const struct packet *packet, uint32_t transport_length)
{
    struct internet_sum sum = {0};

    if (packet->version == 4)
        internet_sum_add(&sum, frame + packet->network + 12, 8);
    else
        internet_sum_add(&sum, frame + packet->network + 8, 32);
    internet_sum_add_number(&sum, packet->protocol);
    internet_sum_add_number(&sum, transport_length);
    return internet_sum_value(&sum);
}

bool packet_header_sum_good(const uint8_t *frame, const struct packet *packet)
{
    const uint8_t *header = frame + packet->network;
    struct internet_sum sum = {0};

    if (packet->version != 4)
        return true;
    internet_sum_add(&sum, header, (size_t)(header[0] & 15) * 4);
    return internet_sum_value(&sum) == 0xFFFF;
}
