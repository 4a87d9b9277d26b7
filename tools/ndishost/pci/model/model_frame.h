/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * model_frame.h - an independent judge of frames: finds the headers of an Ethernet frame and verifies every length and checksum that
 * they carry, one byte at a time. It knows nothing of virtio; model_offload.c, which completes and cuts frames, does not use it.
 */
#ifndef NDISHOST_PCI_MODEL_MODEL_FRAME_H
#define NDISHOST_PCI_MODEL_MODEL_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum model_frame_kind {
    FRAME_OTHER,     /* nothing that is understood here: another protocol, or a fragment */
    FRAME_MALFORMED, /* headers that contradict themselves or the frame's length */
    FRAME_TCP,
    FRAME_UDP,
    FRAME_ICMP,
};

struct model_frame_facts {
    enum model_frame_kind kind;
    unsigned version;          /* of IP: 4, 6, 0 for none */
    unsigned tags;             /* VLAN tags */
    size_t network, transport; /* offsets of the headers */
    size_t payload;            /* offset of what the transport carries */
    size_t network_end;        /* end of the IP packet; beyond is Ethernet padding */
    uint8_t protocol;
    uint8_t tcp_flags;
    bool network_sum_good;      /* IPv4 header checksum */
    bool transport_sum_good;    /* true also where there is none */
    bool transport_sum_present; /* UDP over IPv4 may go without */
    uint16_t pseudo_sum;        /* folded sum of the pseudo header, as NEEDS_CSUM wants it in the checksum field */
    const char *trouble;        /* what is malformed, else NULL */
};

void model_frame_inspect(const uint8_t *frame, size_t length, struct model_frame_facts *facts);

#endif
