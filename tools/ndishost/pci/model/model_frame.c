/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_frame.c - Ethernet, VLAN tags, IPv4 with options, IPv6 with extension headers, TCP, UDP, ICMP: headers and checksums. */
#include "model_frame.h"

enum {
    TYPE_IPV4 = 0x0800,
    TYPE_IPV6 = 0x86dd,
    TYPE_VLAN = 0x8100,
    TYPE_SERVICE_VLAN = 0x88a8,
    PROTOCOL_HOP_BY_HOP = 0,
    PROTOCOL_ICMP = 1,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    PROTOCOL_ROUTING = 43,
    PROTOCOL_FRAGMENT = 44,
    PROTOCOL_AUTHENTICATION = 51,
    PROTOCOL_ICMPV6 = 58,
    PROTOCOL_NONE = 59,
    PROTOCOL_DESTINATION = 60,
    ETHERNET_BYTES = 14,
    IPV6_BYTES = 40,
};

static unsigned be16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

/* Sum of bytes as 16-bit big-endian words; an odd one at the end counts as the high byte. */
static uint64_t sum_add(uint64_t sum, const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        sum += i % 2 ? bytes[i] : (uint64_t)bytes[i] << 8;
    return sum;
}

static uint16_t sum_fold(uint64_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static void malformed(struct model_frame_facts *facts, const char *why)
{
    facts->kind = FRAME_MALFORMED;
    facts->trouble = why;
}

/* Sets transport and protocol; false when there is nothing more to look at. */
static bool ipv4_inspect(const uint8_t *frame, size_t length, struct model_frame_facts *facts)
{
    const uint8_t *header = frame + facts->network;
    size_t left = length - facts->network;
    size_t bytes = left ? (size_t)(header[0] & 15) * 4 : 0;
    if (left < 20 || header[0] >> 4 != 4 || bytes < 20 || bytes > left) {
        malformed(facts, "the IPv4 header does not fit");
        return false;
    }
    size_t total = be16(header + 2);
    if (total < bytes || total > left) {
        malformed(facts, "the IPv4 total length is not that of the frame");
        return false;
    }
    facts->version = 4;
    facts->network_sum_good = sum_fold(sum_add(0, header, bytes)) == 0xffff;
    facts->network_end = facts->network + total;
    facts->transport = facts->network + bytes;
    facts->protocol = header[9];
    return (be16(header + 6) & 0x3fff) == 0; /* not a fragment */
}

static bool ipv6_inspect(const uint8_t *frame, size_t length, struct model_frame_facts *facts)
{
    const uint8_t *header = frame + facts->network;
    size_t left = length - facts->network;
    if (left < IPV6_BYTES || header[0] >> 4 != 6) {
        malformed(facts, "the IPv6 header does not fit");
        return false;
    }
    if (be16(header + 4) > left - IPV6_BYTES) {
        malformed(facts, "the IPv6 payload length is not that of the frame");
        return false;
    }
    facts->version = 6;
    facts->network_sum_good = true;
    facts->network_end = facts->network + IPV6_BYTES + be16(header + 4);
    size_t at = facts->network + IPV6_BYTES;
    uint8_t protocol = header[6];
    for (unsigned i = 0; i < 16; i++) {
        bool options = protocol == PROTOCOL_HOP_BY_HOP || protocol == PROTOCOL_ROUTING || protocol == PROTOCOL_DESTINATION;
        if (!options && protocol != PROTOCOL_AUTHENTICATION)
            break;
        if (facts->network_end - at < 8) {
            malformed(facts, "an IPv6 extension header does not fit");
            return false;
        }
        size_t bytes = options ? 8 + 8 * (size_t)frame[at + 1] : 8 + 4 * (size_t)frame[at + 1];
        if (bytes > facts->network_end - at) {
            malformed(facts, "an IPv6 extension header does not fit");
            return false;
        }
        protocol = frame[at];
        at += bytes;
    }
    facts->protocol = protocol;
    facts->transport = at;
    return protocol != PROTOCOL_FRAGMENT && protocol != PROTOCOL_NONE;
}

static uint64_t pseudo_sum(const uint8_t *frame, const struct model_frame_facts *facts)
{
    const uint8_t *header = frame + facts->network;
    uint64_t sum = facts->version == 4 ? sum_add(0, header + 12, 8) : sum_add(0, header + 8, 32);
    return sum + facts->protocol + (facts->network_end - facts->transport);
}

static void tcp_inspect(const uint8_t *frame, struct model_frame_facts *facts)
{
    size_t left = facts->network_end - facts->transport;
    size_t bytes = left >= 20 ? (size_t)(frame[facts->transport + 12] >> 4) * 4 : 0;
    if (bytes < 20 || bytes > left) {
        malformed(facts, "the TCP header does not fit");
        return;
    }
    facts->kind = FRAME_TCP;
    facts->tcp_flags = frame[facts->transport + 13];
    facts->payload = facts->transport + bytes;
}

static void udp_inspect(const uint8_t *frame, struct model_frame_facts *facts)
{
    size_t left = facts->network_end - facts->transport;
    if (left < 8 || be16(frame + facts->transport + 4) != left) {
        malformed(facts, left < 8 ? "the UDP header does not fit" : "the UDP length is not that of the packet");
        return;
    }
    facts->kind = FRAME_UDP;
    facts->payload = facts->transport + 8;
    facts->transport_sum_present = facts->version == 6 || be16(frame + facts->transport + 6) != 0;
}

static void transport_inspect(const uint8_t *frame, struct model_frame_facts *facts)
{
    bool icmp = facts->version == 4 && facts->protocol == PROTOCOL_ICMP;
    facts->transport_sum_present = true;
    if (facts->protocol == PROTOCOL_TCP) {
        tcp_inspect(frame, facts);
    } else if (facts->protocol == PROTOCOL_UDP) {
        udp_inspect(frame, facts);
    } else if (icmp || (facts->version == 6 && facts->protocol == PROTOCOL_ICMPV6)) {
        if (facts->network_end - facts->transport < 8) {
            malformed(facts, "the ICMP header does not fit");
            return;
        }
        facts->kind = FRAME_ICMP;
        facts->payload = facts->transport + 8;
    } else {
        facts->transport_sum_present = false;
        return;
    }
    uint64_t pseudo = icmp ? 0 : pseudo_sum(frame, facts);
    facts->pseudo_sum = sum_fold(pseudo);
    uint16_t sum = sum_fold(sum_add(pseudo, frame + facts->transport, facts->network_end - facts->transport));
    /* An IPv6 UDP checksum of 0 is not allowed: the sum must be right and the field not 0. */
    bool zero = facts->kind == FRAME_UDP && be16(frame + facts->transport + 6) == 0;
    facts->transport_sum_good = !facts->transport_sum_present || (sum == 0xffff && !zero);
}

void model_frame_inspect(const uint8_t *frame, size_t length, struct model_frame_facts *facts)
{
    *facts = (struct model_frame_facts){.kind = FRAME_OTHER, .network_sum_good = true, .transport_sum_good = true};
    size_t at = ETHERNET_BYTES;
    if (length < ETHERNET_BYTES) {
        malformed(facts, "the frame is shorter than an Ethernet header");
        return;
    }
    unsigned type = be16(frame + 12);
    while ((type == TYPE_VLAN || type == TYPE_SERVICE_VLAN) && facts->tags < 2) {
        if (length - at < 4) {
            malformed(facts, "the VLAN tag does not fit");
            return;
        }
        type = be16(frame + at + 2);
        at += 4;
        facts->tags++;
    }
    facts->network = at;
    facts->network_end = length;
    bool more = type == TYPE_IPV4 ? ipv4_inspect(frame, length, facts) : type == TYPE_IPV6 ? ipv6_inspect(frame, length, facts) : false;
    if (more)
        transport_inspect(frame, facts);
}
