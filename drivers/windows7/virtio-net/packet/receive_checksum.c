/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* receive_checksum.c - completes and vouches for the checksums of received frames. */
#include "packet/receive_checksum.h"

#include "packet/checksum.h"
#include "packet/ethernet_frame.h"
#include "packet/ip_packet.h"
#include "virtio_net_spec.h"

/* Offsets in the packet header; its numbers are little-endian. */
#define HEADER_FLAGS           0u
#define HEADER_GSO_TYPE        1u
#define HEADER_CHECKSUM_START  6u
#define HEADER_CHECKSUM_OFFSET 8u

static virtio_u32 little16(const virtio_u8 *bytes)
{
    return (virtio_u32)bytes[0] | (virtio_u32)bytes[1] << 8;
}

/* The sum of the frame's bytes from `start` to `end`, which are in the frame. */
static virtio_u16 frame_sum(const struct frame_piece *piece, virtio_u32 start, virtio_u32 end)
{
    struct checksum checksum;

    checksum_begin(&checksum);
    for (; piece != (const struct frame_piece *)0; piece = piece->next) {
        if (start < piece->length) {
            checksum_add(&checksum, piece->bytes + start, (end < piece->length ? end : piece->length) - start);
            start = piece->length;
        }
        if (end <= piece->length)
            break;
        start -= piece->length;
        end -= piece->length;
    }
    return checksum_value(&checksum);
}

/* The byte at `offset`, which is in the frame. */
static virtio_u8 *frame_byte(const struct frame_piece *piece, virtio_u32 offset)
{
    while (offset >= piece->length) {
        offset -= piece->length;
        piece = piece->next;
    }
    return piece->bytes + offset;
}

/* RECEIVE_CHECKSUM_* of the transport header, 0 when there is none. */
static virtio_u32 transport_kind(const struct ip_packet *packet)
{
    if (packet->protocol == IP_PROTOCOL_TCP)
        return packet->version == 4 ? RECEIVE_CHECKSUM_TCP4 : RECEIVE_CHECKSUM_TCP6;
    if (packet->protocol == IP_PROTOCOL_UDP)
        return packet->version == 4 ? RECEIVE_CHECKSUM_UDP4 : RECEIVE_CHECKSUM_UDP6;
    return 0;
}

/* Where the checksum of the transport header is, which there is. */
static virtio_u32 transport_field(const struct ip_packet *packet)
{
    return packet->transport + (packet->protocol == IP_PROTOCOL_TCP ? TCP_CHECKSUM_OFFSET : UDP_CHECKSUM_OFFSET);
}

/* Completes the checksum. False: it would not be in the payload of the frame. */
static virtio_bool complete(const virtio_u8 *header, const struct frame_piece *frame, virtio_u32 length, const struct ip_packet *packet,
                            struct receive_report *report)
{
    virtio_u32 start = little16(header + HEADER_CHECKSUM_START);
    virtio_u32 field = start + little16(header + HEADER_CHECKSUM_OFFSET); /* < 2^17 */
    virtio_u32 first = packet->version != 0 ? packet->network + packet->network_bytes : ETHERNET_HEADER_BYTES;
    virtio_u32 end = packet->version != 0 ? packet->end : length;
    virtio_u8 *high, *low;
    virtio_u32 partial, sum;

    if (start < first || field + 2 > end)
        return VIRTIO_FALSE;
    high = frame_byte(frame, field);
    low = frame_byte(frame, field + 1);
    partial = (virtio_u32)*high << 8 | *low;
    sum = (virtio_u16)~frame_sum(frame, start, end);
    if (sum == 0)
        sum = 0xFFFFu; /* the same number in ones' complement, and to UDP not "none" (CSO-06) */
    *high = (virtio_u8)(sum >> 8);
    *low = (virtio_u8)sum;
    report->completed = VIRTIO_TRUE;

    /* Now it is right if what stood there was the sum of the pseudo header; 0 and 0xFFFF are one number. */
    if (transport_kind(packet) != 0 && start == packet->transport && field == transport_field(packet) &&
        partial % 0xFFFFu == ip_packet_pseudo_sum(frame->bytes, packet) % 0xFFFFu)
        report->good |= transport_kind(packet);
    return VIRTIO_TRUE;
}

/* What the device vouches for. */
static virtio_u32 vouched(const struct frame_piece *frame, const struct ip_packet *packet)
{
    const virtio_u8 *field;

    if (packet->protocol == IP_PROTOCOL_UDP) {
        field = frame->bytes + transport_field(packet); /* the header is in the first piece */
        if (field[0] == 0 && field[1] == 0)
            return 0;
    }
    return transport_kind(packet);
}

enum receive_verdict receive_checksum_judge(const virtio_u8 *header, const struct frame_piece *frame, virtio_u32 length,
                                            const struct receive_checksum_rules *rules, struct receive_report *report)
{
    virtio_u32 flags = rules->negotiated ? header[HEADER_FLAGS] : 0;
    struct ip_packet packet;

    report->good = 0;
    report->completed = VIRTIO_FALSE;
    if (header[HEADER_GSO_TYPE] != VIRTIO_NET_HDR_GSO_NONE)
        return RECEIVE_SEGMENTED;
    if ((flags & (VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID)) == 0)
        return RECEIVE_GOOD; /* nothing to say (N24): the headers need not be looked at */
    ip_packet_read(frame->bytes, frame->length, length, &packet);

    /* With RSC_INFO, start and offset are something else (N22), and what the checksum is, the stack shall find out. */
    if ((flags & (VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_RSC_INFO)) == VIRTIO_NET_HDR_F_NEEDS_CSUM) {
        if (!complete(header, frame, length, &packet, report))
            return RECEIVE_BAD_CHECKSUM_FIELDS;
    } else if ((flags & (VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID)) == VIRTIO_NET_HDR_F_DATA_VALID) {
        report->good |= vouched(frame, &packet);
    }
    report->good &= rules->wanted;
    return RECEIVE_GOOD;
}
