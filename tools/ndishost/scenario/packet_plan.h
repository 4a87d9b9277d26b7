/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * packet_plan.h - Ethernet frames with IP in them, from a plan: tags, options, extension headers, fragments, TCP, UDP; each byte follows
 * from the plan, each checksum is right. A segment of a large packet is made from the same plan, from nothing: what a device or a driver
 * makes of the large one can be compared with it byte by byte.
 */
#ifndef NDISHOST_SCENARIO_PACKET_PLAN_H
#define NDISHOST_SCENARIO_PACKET_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scenario/choice.h"

enum {
    PACKET_MOST = 66000,
    PLAN_TAGS_MAX = 2,
    PLAN_OPTION_WORDS_MAX = 10,
    PLAN_EXTENSIONS_MAX = 4,
    PLAN_EXTENSION_UNITS_MAX = 29, /* four such headers, and TCP's still begins where ten bits can say (LSO) */
    PLAN_TCP_FIN = 1,
    PLAN_TCP_PSH = 8,
    PLAN_TCP_ACK = 0x10,
    PLAN_TCP_ECE = 0x40,
    PLAN_TCP_CWR = 0x80,
};
enum plan_transport { PLAN_TCP = 6, PLAN_UDP = 17, PLAN_OTHER = 253 /* for experiments */ };

struct packet_plan {
    uint8_t to[6], from[6];
    unsigned tags;
    uint16_t tag_types[PLAN_TAGS_MAX], tag_values[PLAN_TAGS_MAX]; /* outer first */
    unsigned version;                                             /* 4 or 6 */
    unsigned options;                                             /* words of IPv4 options, or IPv6 extension headers */
    unsigned extension_units;                                     /* of each of them: 8 bytes each, behind the first 8 */
    bool fragment;                                                /* of a packet of which this is a part in the middle */
    enum plan_transport transport;
    unsigned tcp_options; /* words */
    uint8_t tcp_flags;
    uint32_t sequence;
    uint16_t identification;
    bool without_sum; /* UDP over IPv4 with a checksum of 0 */
    size_t payload;   /* bytes that the transport carries */
    size_t padding;   /* behind the IP packet */
    uint32_t seed;    /* of addresses, ports and payload */
};

struct built_packet {
    size_t length, network, transport, payload; /* offsets of the headers, and of what the transport carries */
    size_t end;                                 /* of the IP packet */
    size_t sum;                                 /* where the transport's checksum is; 0: there is none */
    enum plan_transport kind;
    uint8_t bytes[PACKET_MOST];
};

/* Any plan with these addresses whose frame is not longer than `longest`. `tags` allows tags in the frame. */
struct packet_plan packet_plan_choose(struct random *random, const uint8_t to[6], const uint8_t from[6], size_t longest, bool tags);
/* Bytes in front of the payload. */
size_t packet_plan_headers(const struct packet_plan *plan);
void packet_build(const struct packet_plan *plan, struct built_packet *packet);

/* Segments of `mss` bytes that a large TCP packet is cut into; at least 1. */
unsigned packet_segments(const struct packet_plan *plan, size_t mss);
void packet_build_segment(const struct packet_plan *plan, size_t mss, unsigned number, struct built_packet *packet);

/* The sum of the pseudo header, with or without the transport's length (LSO-04), as a number: what a request leaves in the checksum field.
 */
uint16_t packet_plan_pseudo_sum(const struct built_packet *packet, bool with_length);

#endif
