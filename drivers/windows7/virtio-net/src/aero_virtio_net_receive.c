/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* aero_virtio_net_receive.c - completes and vouches for the checksums of received frames. */
#include "aero_virtio_net_receive.h"

#include "packet/checksum.h"
#include "packet/ethernet_frame.h"
#include "virtio_net_hdr_offload.h"
#include "virtio_net_spec.h"

/* Offsets in the packet header; its numbers are little-endian. */
#define HEADER_FLAGS           0u
#define HEADER_GSO_TYPE        1u
#define HEADER_CHECKSUM_START  6u
#define HEADER_CHECKSUM_OFFSET 8u

#define PROTOCOL_TCP         6u
#define PROTOCOL_UDP         17u
#define TCP_CHECKSUM         16u
#define UDP_CHECKSUM         6u
#define IPV4_ADDRESSES       12u
#define IPV4_ADDRESSES_BYTES 8u
#define IPV6_ADDRESSES       8u
#define IPV6_ADDRESSES_BYTES 32u

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

/*
 * RECEIVE_CHECKSUM_* of the TCP or UDP header that the stack will find, once the outer 802.1Q tag is out: 0 for fragments, other tags, and
 * what a device does not take for a transport header or a pseudo header's address.
 */
static virtio_u32 transport_kind(const struct virtio_net_frame *parsed, const struct ethernet_frame *outer)
{
    if (parsed->tags != (outer->tagged ? 1u : 0u) || parsed->fragment || parsed->atomic_fragment || parsed->routed ||
        parsed->transport_end != parsed->packet_end)
        return 0;
    if (parsed->transport == VIRTIO_NET_TCP)
        return parsed->network == VIRTIO_NET_IPV4 ? RECEIVE_CHECKSUM_TCP4 : RECEIVE_CHECKSUM_TCP6;
    if (parsed->transport == VIRTIO_NET_UDP)
        return parsed->network == VIRTIO_NET_IPV4 ? RECEIVE_CHECKSUM_UDP4 : RECEIVE_CHECKSUM_UDP6;
    return 0;
}

/* Where the checksum of the transport header is, which there is. */
static virtio_u32 transport_field(const struct virtio_net_frame *parsed)
{
    return parsed->transport_offset + (parsed->transport == VIRTIO_NET_TCP ? TCP_CHECKSUM : UDP_CHECKSUM);
}

/* The sum of the pseudo header of TCP or UDP: addresses, protocol, length. */
static virtio_u16 pseudo_sum(const virtio_u8 *bytes, const struct virtio_net_frame *parsed)
{
    virtio_u32 length = parsed->transport_end - parsed->transport_offset; /* < 2^16: an IP packet's */
    struct checksum checksum;
    virtio_u8 rest[4];

    rest[0] = 0;
    rest[1] = parsed->transport == VIRTIO_NET_TCP ? PROTOCOL_TCP : PROTOCOL_UDP;
    rest[2] = (virtio_u8)(length >> 8);
    rest[3] = (virtio_u8)length;
    checksum_begin(&checksum);
    checksum_add(&checksum, rest, sizeof rest);
    if (parsed->network == VIRTIO_NET_IPV4)
        checksum_add(&checksum, bytes + parsed->network_offset + IPV4_ADDRESSES, IPV4_ADDRESSES_BYTES);
    else
        checksum_add(&checksum, bytes + parsed->network_offset + IPV6_ADDRESSES, IPV6_ADDRESSES_BYTES);
    return checksum_value(&checksum);
}

/* What is known of the frame: where its IP packet is, and which checksum the stack will look at. */
struct view {
    struct virtio_net_frame parsed;
    virtio_u32 kind;  /* RECEIVE_CHECKSUM_*, or 0 */
    virtio_u32 first; /* where a checksum may begin: behind the IP header, or without one the Ethernet header */
    virtio_u32 end;   /* of the IP packet; without one of the frame */
};

static void view_frame(const struct frame_piece *frame, virtio_u32 length, struct view *view)
{
    struct ethernet_frame outer;

    view->kind = 0;
    view->first = ETHERNET_HEADER_BYTES;
    view->end = length;
    /* The headers must be in the first piece. */
    if (!ethernet_read_header(frame->bytes, frame->length, &outer) ||
        virtio_net_parse_frame(frame->bytes, frame->length, length, VIRTIO_FALSE, &view->parsed) != VIRTIO_NET_PARSED ||
        view->parsed.network == VIRTIO_NET_NOT_IP)
        return;
    view->kind = transport_kind(&view->parsed, &outer);
    view->first = view->parsed.network_offset + view->parsed.network_length;
    view->end = view->parsed.packet_end;
}

/* Completes the checksum. False: it would not be in the payload of the frame. */
static virtio_bool complete(const virtio_u8 *header, const struct frame_piece *frame, const struct view *view,
                            struct receive_report *report)
{
    virtio_u32 start = little16(header + HEADER_CHECKSUM_START);
    virtio_u32 field = start + little16(header + HEADER_CHECKSUM_OFFSET); /* < 2^17 */
    virtio_u8 *high, *low;
    virtio_u32 partial, sum;

    if (start < view->first || field + 2 > view->end)
        return VIRTIO_FALSE;
    high = frame_byte(frame, field);
    low = frame_byte(frame, field + 1);
    partial = (virtio_u32)*high << 8 | *low;
    sum = (virtio_u16)~frame_sum(frame, start, view->end);
    if (sum == 0)
        sum = 0xFFFFu; /* the same number in ones' complement, and to UDP not "none" (CSO-06) */
    *high = (virtio_u8)(sum >> 8);
    *low = (virtio_u8)sum;
    report->completed = VIRTIO_TRUE;

    /* Now it is right if what stood there was the sum of the pseudo header; 0 and 0xFFFF are one number. */
    if (view->kind != 0 && start == view->parsed.transport_offset && field == transport_field(&view->parsed) &&
        partial % 0xFFFFu == pseudo_sum(frame->bytes, &view->parsed) % 0xFFFFu)
        report->good = view->kind;
    return VIRTIO_TRUE;
}

/* What the device vouches for. */
static virtio_u32 vouched(const struct frame_piece *frame, const struct view *view)
{
    const virtio_u8 *field;

    if ((view->kind & (RECEIVE_CHECKSUM_UDP4 | RECEIVE_CHECKSUM_UDP6)) != 0) {
        field = frame->bytes + transport_field(&view->parsed); /* the header is in the first piece */
        if (field[0] == 0 && field[1] == 0)
            return 0;
    }
    return view->kind;
}

enum receive_verdict receive_checksum_judge(const virtio_u8 *header, const struct frame_piece *frame, virtio_u32 length,
                                            const struct receive_checksum_rules *rules, struct receive_report *report)
{
    virtio_u32 flags = rules->negotiated ? header[HEADER_FLAGS] : 0;
    struct view view;

    report->good = 0;
    report->completed = VIRTIO_FALSE;
    if (header[HEADER_GSO_TYPE] != VIRTIO_NET_HDR_GSO_NONE)
        return RECEIVE_SEGMENTED;
    if ((flags & (VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID)) == 0)
        return RECEIVE_GOOD; /* nothing to say (N24): the headers need not be looked at */
    view_frame(frame, length, &view);

    if ((flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) == 0) {
        report->good = vouched(frame, &view);
    } else if ((flags & VIRTIO_NET_HDR_F_RSC_INFO) == 0) {
        if (!complete(header, frame, &view, report))
            return RECEIVE_BAD_CHECKSUM_FIELDS;
    }
    /* Else start and offset are something else (N22), and whether the checksum is right the stack shall find out. */
    report->good &= rules->wanted;
    return RECEIVE_GOOD;
}
