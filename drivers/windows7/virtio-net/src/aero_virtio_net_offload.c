/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* aero_virtio_net_offload.c - decides who finishes a frame, and writes what the device, or the wire, wants to find in it. */
#include "aero_virtio_net_offload.h"
#include "packet/checksum.h"

#define IPV4_TOTAL_LENGTH   2u
#define IPV4_ID             4u
#define IPV4_CHECKSUM       10u
#define IPV4_ADDRESSES      12u
#define IPV4_ADDRESS_BYTES  8u /* both of them */
#define IPV6_PAYLOAD_LENGTH 4u
#define IPV6_HEADER         40u
#define IPV6_ADDRESSES      8u
#define IPV6_ADDRESS_BYTES  32u
#define IP_PACKET_MAXIMUM   65535u
#define PROTOCOL_TCP        6u
#define PROTOCOL_UDP        17u
#define TCP_SEQUENCE        4u
#define TCP_FLAGS           13u
#define TCP_CHECKSUM        16u
#define UDP_CHECKSUM        6u
#define ID_COUNTER          0x7FFFu /* of an IPv4 id; the bit above is kept */

static virtio_u32 get16(const virtio_u8 *bytes)
{
    return (virtio_u32)bytes[0] << 8 | bytes[1];
}

static void put16(virtio_u8 *bytes, virtio_u32 value)
{
    bytes[0] = (virtio_u8)(value >> 8);
    bytes[1] = (virtio_u8)value;
}

/* Folds a sum of up to 65,536 16-bit numbers. */
static virtio_u32 fold(virtio_u32 sum)
{
    sum = (sum & 0xFFFFu) + (sum >> 16);
    return (sum & 0xFFFFu) + (sum >> 16);
}

static virtio_u32 sum_bytes(const virtio_u8 *bytes, virtio_u32 length)
{
    struct checksum checksum;

    checksum_begin(&checksum);
    checksum_add(&checksum, bytes, length);
    return checksum_value(&checksum);
}

/* Of an IPv4 header, whatever stands in its checksum field: that is taken out of the sum again. */
static virtio_u32 network_checksum(const virtio_u8 *header, virtio_u32 length)
{
    return ~fold(sum_bytes(header, length) + (~get16(header + IPV4_CHECKSUM) & 0xFFFFu)) & 0xFFFFu;
}

/* Over bytes that hold the pseudo header's sum in the checksum field. To UDP 0 would mean "none": all ones is the same number (CSO-06). */
static void write_transport_checksum(virtio_u8 *field, const virtio_u8 *transport, virtio_u32 length, virtio_bool udp)
{
    virtio_u32 checksum = ~sum_bytes(transport, length) & 0xFFFFu;

    put16(field, checksum == 0 && udp ? 0xFFFFu : checksum);
}

/* ---- the front ---- */

/*
 * The sum of addresses, protocol and `length`. Towards a routing header's stops the network stack alone knows the last address: its own
 * sum is kept, which for a large send lacks the length.
 */
static virtio_u32 pseudo_sum(const struct virtio_net_frame *frame, const virtio_u8 *front, virtio_u32 field, virtio_bool large,
                             virtio_u32 length)
{
    virtio_u32 protocol = frame->transport == VIRTIO_NET_TCP ? PROTOCOL_TCP : PROTOCOL_UDP;
    const virtio_u8 *network = front + frame->network_offset;

    if (frame->routed)
        return large ? fold(get16(front + field) + length) : get16(front + field);
    if (frame->network == VIRTIO_NET_IPV4)
        return fold(sum_bytes(network + IPV4_ADDRESSES, IPV4_ADDRESS_BYTES) + protocol + length);
    return fold(sum_bytes(network + IPV6_ADDRESSES, IPV6_ADDRESS_BYTES) + protocol + length);
}

/* Writes a 16-bit field if it has another value, and notes that the front is needed up to there. */
static void change16(struct aero_offload_plan *plan, virtio_u8 *front, virtio_u32 offset, virtio_u32 value)
{
    if (get16(front + offset) != value) {
        put16(front + offset, value);
        if (plan->front < offset + 2)
            plan->front = offset + 2;
    }
}

/* The IP length and, over IPv4, the checksum of the header. */
static void change_network(struct aero_offload_plan *plan, const struct virtio_net_frame *frame, virtio_u8 *front, virtio_u32 packet)
{
    virtio_u32 offset = frame->network_offset;

    if (frame->network == VIRTIO_NET_IPV6) {
        change16(plan, front, offset + IPV6_PAYLOAD_LENGTH, packet - IPV6_HEADER);
        return;
    }
    change16(plan, front, offset + IPV4_TOTAL_LENGTH, packet);
    change16(plan, front, offset + IPV4_CHECKSUM, network_checksum(front + offset, frame->network_length));
    plan->summed_network = VIRTIO_TRUE;
}

/* Inserts the tag behind the addresses; all offsets behind it move. Last, because nothing is read from the front afterwards. */
static void insert_tag(struct aero_offload_plan *plan, virtio_u8 *front, virtio_u16 tag)
{
    virtio_u32 i;

    if (plan->front < ETHERNET_TYPE_OFFSET)
        plan->front = ETHERNET_TYPE_OFFSET;
    for (i = plan->front; i > ETHERNET_TYPE_OFFSET; i--)
        front[i - 1 + ETHERNET_VLAN_BYTES] = front[i - 1];
    put16(front + ETHERNET_TYPE_OFFSET, ETHERNET_TYPE_VLAN);
    put16(front + ETHERNET_TYPE_OFFSET + 2, tag);
    plan->replaced = plan->front;
    plan->front += ETHERNET_VLAN_BYTES;
    plan->sum_start += ETHERNET_VLAN_BYTES;
    plan->sum_field += ETHERNET_VLAN_BYTES;
    plan->sum_end += ETHERNET_VLAN_BYTES;
    plan->headers += ETHERNET_VLAN_BYTES;
    plan->network += ETHERNET_VLAN_BYTES;
}

/* N17, N18. After all offsets have found their place. */
static void write_header(struct aero_offload_plan *plan)
{
    plan->header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    plan->header.checksum_start = (virtio_u16)plan->sum_start;
    plan->header.checksum_offset = (virtio_u16)(plan->sum_field - plan->sum_start);
    if (plan->segments == 0)
        return;
    plan->header.gso_type = plan->ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
    if (plan->congestion_reduced)
        plan->header.gso_type |= VIRTIO_NET_HDR_GSO_ECN; /* N16 */
    plan->header.gso_size = (virtio_u16)plan->segment_size;
    plan->header.header_length = (virtio_u16)plan->headers;
}

/* ---- decisions ---- */

static void note_transport(struct aero_offload_plan *plan, const struct virtio_net_frame *frame)
{
    virtio_bool tcp = frame->transport == VIRTIO_NET_TCP;

    plan->ipv6 = frame->network == VIRTIO_NET_IPV6;
    plan->protocol = plan->ipv6 ? (tcp ? AERO_OFFLOAD_TCP6 : AERO_OFFLOAD_UDP6) : (tcp ? AERO_OFFLOAD_TCP4 : AERO_OFFLOAD_UDP4);
    plan->sum_start = frame->transport_offset;
    plan->sum_field = frame->transport_offset + (tcp ? TCP_CHECKSUM : UDP_CHECKSUM);
    plan->sum_end = frame->transport_end;
    plan->network = frame->network_offset;
    plan->network_length = frame->network_length;
    plan->headers = frame->payload_offset;
    plan->congestion_reduced = (frame->tcp_flags & VIRTIO_NET_TCP_CWR) != 0;
}

/*
 * A device sums to the end of the frame, whatever the lengths in its headers are, and finds the transport of frames as everybody sends
 * them: padding and fragment headers are for the processor.
 */
static virtio_bool device_can_sum(const struct aero_offload_device *device, const struct virtio_net_frame *frame, virtio_u32 length)
{
    return device->checksum && frame->transport_end == length && !frame->atomic_fragment;
}

static virtio_bool device_can_segment(const struct aero_offload_device *device, const struct virtio_net_frame *frame, virtio_u32 length)
{
    virtio_bool version = frame->network == VIRTIO_NET_IPV4 ? device->segment_ipv4 : device->segment_ipv6;
    virtio_bool ecn = device->segment_ecn || (frame->tcp_flags & VIRTIO_NET_TCP_CWR) == 0;

    return version && ecn && length - frame->network_offset <= IP_PACKET_MAXIMUM && device_can_sum(device, frame, length);
}

/* The one checksum of a frame that is not cut. */
static void plan_sum(const struct aero_offload_device *device, const struct virtio_net_frame *frame, virtio_bool large, virtio_u8 *front,
                     virtio_u32 length, struct aero_offload_plan *plan)
{
    note_transport(plan, frame);
    change16(plan, front, plan->sum_field, pseudo_sum(frame, front, plan->sum_field, large, plan->sum_end - plan->sum_start));
    plan->path = device_can_sum(device, frame, length) ? AERO_OFFLOAD_SEND : AERO_OFFLOAD_SUM;
}

static void plan_checksums(const struct aero_offload_device *device, const struct aero_offload_request *request,
                           const struct virtio_net_frame *frame, virtio_u8 *front, virtio_u32 length, struct aero_offload_plan *plan)
{
    virtio_bool tcp = request->tcp_checksum && frame->transport == VIRTIO_NET_TCP;
    virtio_bool udp = request->udp_checksum && frame->transport == VIRTIO_NET_UDP;

    if (request->network_checksum && frame->network == VIRTIO_NET_IPV4)
        change_network(plan, frame, front, frame->packet_end - frame->network_offset);
    if (tcp || udp)
        plan_sum(device, frame, VIRTIO_FALSE, front, length, plan);
    else if (request->tcp_checksum || request->udp_checksum)
        plan->unanswered = VIRTIO_TRUE;
}

/* A large send: for the device, for the processor, or, with all of it in one segment, no large send at all. */
static void plan_large(const struct aero_offload_device *device, const struct aero_offload_request *request,
                       const struct virtio_net_frame *frame, virtio_u8 *front, virtio_u32 length, struct aero_offload_plan *plan)
{
    virtio_u32 headers = frame->payload_offset, limit = device->frame_maximum + frame->tags * ETHERNET_VLAN_BYTES;
    virtio_u32 packet = length - frame->network_offset, size = request->segment_size;

    if (frame->transport != VIRTIO_NET_TCP || (frame->network == VIRTIO_NET_IPV6) != (request->segment_ipv6 != 0) || headers >= limit) {
        plan->path = AERO_OFFLOAD_REFUSED;
        return;
    }
    if (size > limit - headers)
        size = limit - headers; /* longer segments would not be sent */
    change_network(plan, frame, front, packet);
    plan_sum(device, frame, VIRTIO_TRUE, front, length, plan);
    plan->payload = length - headers;
    if (plan->payload <= size)
        return;

    plan->segment_size = size;
    plan->segments = (plan->payload + size - 1) / size;
    plan->path = device_can_segment(device, frame, length) ? AERO_OFFLOAD_SEND : AERO_OFFLOAD_CUT;
    plan->front = headers;
    if (plan->path == AERO_OFFLOAD_CUT) /* each segment adds its own length */
        put16(front + plan->sum_field, fold(get16(front + plan->sum_field) + (~fold(length - plan->sum_start) & 0xFFFFu)));
}

static void begin_plan(struct aero_offload_plan *plan)
{
    static const struct aero_offload_plan empty;

    *plan = empty;
    plan->path = AERO_OFFLOAD_SEND;
    plan->protocol = AERO_OFFLOAD_NONE;
}

void aero_offload_plan(const struct aero_offload_device *device, const struct aero_offload_request *request, virtio_u8 *front,
                       virtio_u32 available, virtio_u32 length, struct aero_offload_plan *plan)
{
    virtio_bool large = request->segment_size != 0, sums = request->network_checksum || request->tcp_checksum || request->udp_checksum;
    enum virtio_net_parse parse = VIRTIO_NET_PARSED;
    struct virtio_net_frame frame;

    begin_plan(plan);
    if (large || sums) {
        parse = virtio_net_parse_frame(front, available, length, large, &frame);
        if (parse == VIRTIO_NET_CUT_SHORT || (large && parse != VIRTIO_NET_PARSED)) {
            plan->path = parse == VIRTIO_NET_CUT_SHORT ? AERO_OFFLOAD_REREAD : AERO_OFFLOAD_REFUSED;
            return;
        }
        if (large)
            plan_large(device, request, &frame, front, length, plan);
        else if (parse == VIRTIO_NET_PARSED)
            plan_checksums(device, request, &frame, front, length, plan);
        else
            plan->unanswered = VIRTIO_TRUE;
        if (plan->path == AERO_OFFLOAD_REFUSED)
            return;
    }
    if (request->tagged)
        insert_tag(plan, front, request->tag);
    else
        plan->replaced = plan->front;
    if (plan->path == AERO_OFFLOAD_SEND && plan->protocol != AERO_OFFLOAD_NONE)
        write_header(plan);
}

/* ---- finishing in software ---- */

virtio_bool aero_offload_sum(const struct aero_offload_plan *plan, virtio_u8 *frame, virtio_u32 length)
{
    if (plan->path != AERO_OFFLOAD_SUM || plan->sum_end > length)
        return VIRTIO_FALSE;
    write_transport_checksum(frame + plan->sum_field, frame + plan->sum_start, plan->sum_end - plan->sum_start,
                             plan->protocol == AERO_OFFLOAD_UDP4 || plan->protocol == AERO_OFFLOAD_UDP6);
    return VIRTIO_TRUE;
}

virtio_u32 aero_offload_segment_bytes(const struct aero_offload_plan *plan, virtio_u32 index, virtio_u32 *position)
{
    virtio_u32 left;

    *position = index * plan->segment_size;
    left = plan->payload - *position;
    return left < plan->segment_size ? left : plan->segment_size;
}

void aero_offload_segment(const struct aero_offload_plan *plan, virtio_u32 index, virtio_u8 *segment)
{
    virtio_u8 *network = segment + plan->network, *tcp = segment + plan->sum_start, *field = segment + plan->sum_field;
    virtio_u32 position, bytes = aero_offload_segment_bytes(plan, index, &position);
    virtio_u32 length = plan->headers + bytes, sequence, id;

    if (plan->ipv6) {
        put16(network + IPV6_PAYLOAD_LENGTH, length - plan->network - IPV6_HEADER);
    } else {
        id = get16(network + IPV4_ID);
        put16(network + IPV4_ID, (id & ~ID_COUNTER) | ((id + index) & ID_COUNTER));
        put16(network + IPV4_TOTAL_LENGTH, length - plan->network);
        put16(network + IPV4_CHECKSUM, network_checksum(network, plan->network_length));
    }
    sequence = (get16(tcp + TCP_SEQUENCE) << 16 | get16(tcp + TCP_SEQUENCE + 2)) + position;
    put16(tcp + TCP_SEQUENCE, sequence >> 16);
    put16(tcp + TCP_SEQUENCE + 2, sequence);
    if (index != 0)
        tcp[TCP_FLAGS] &= (virtio_u8)~VIRTIO_NET_TCP_CWR;
    if (index != plan->segments - 1)
        tcp[TCP_FLAGS] &= (virtio_u8) ~(VIRTIO_NET_TCP_FIN | VIRTIO_NET_TCP_PSH);
    put16(field, fold(get16(field) + (length - plan->sum_start)));
    write_transport_checksum(field, tcp, length - plan->sum_start, VIRTIO_FALSE);
}
