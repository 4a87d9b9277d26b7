/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * packet.h - where the headers of an Ethernet frame are, as the NDIS layer, the networks and the transmit referee need to know.
 *
 * It shares nothing with the driver, and nothing with the model device's own judgement (pci/model/model_frame.c): three readers of the
 * same headers, who would have to be wrong together.
 */
#ifndef NDISHOST_FRAME_PACKET_H
#define NDISHOST_FRAME_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PACKET_ETHERNET = 14,
    PACKET_TAG = 4,
    PACKET_TCP_SUM = 16,
    PACKET_UDP_SUM = 6,
    PACKET_IPV4_SUM = 10,
    PACKET_HEADERS_MAX = 1152, /* TcpHeaderOffset has ten bits, a tag may be inserted, and a TCP header has up to 60 bytes */
};

enum packet_transport { TRANSPORT_OTHER, TRANSPORT_TCP, TRANSPORT_UDP };

struct packet {
    unsigned version;                /* of IP: 4, 6; 0: none */
    enum packet_transport transport; /* OTHER for fragments and for whatever does not parse */
    bool fragment;
    bool ip_options; /* IPv4 options or IPv6 extension headers */
    bool tcp_options;
    uint8_t protocol; /* the last one of IP's chain */
    uint8_t tcp_flags;
    unsigned tags;         /* 802.1Q and 802.1ad */
    size_t network;        /* where the headers start */
    size_t transport_at;   /* valid when transport is not OTHER */
    size_t payload;        /* behind the transport header */
    size_t end;            /* of the IP packet; padding may follow */
    const char *malformed; /* what does not fit, or NULL */
};

/*
 * Reads the headers of a frame of `length` bytes, of which the first `have` are there (PACKET_HEADERS_MAX are always enough).
 * An IPv4 total length, or IPv6 payload length, of 0 means "to the end of the frame": Windows' large sends say so (LSO-03).
 */
void packet_parse(const uint8_t *frame, size_t have, size_t length, struct packet *packet);

/* Offset of the checksum field in the transport header. */
static inline unsigned packet_sum_offset(const struct packet *packet)
{
    return packet->transport == TRANSPORT_TCP ? PACKET_TCP_SUM : PACKET_UDP_SUM;
}
/* The pseudo header's sum (a number, not complemented) with that transport length; 0 leaves the length out. */
uint16_t packet_pseudo_sum(const uint8_t *frame, const struct packet *packet, uint32_t transport_length);
/* Whether the IPv4 header's checksum is right; true for everything else. */
bool packet_header_sum_good(const uint8_t *frame, const struct packet *packet);

static inline unsigned packet_get16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}
static inline void packet_put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

#endif
