/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* send_request.c - from Linux's checksum and segmentation requests to those of Windows' TCP/IP, and back from the miniport. */
#include "ndis/send_request.h"

#include <string.h>

#include "abi/nt_constants.h"
#include "frame/packet.h"
#include "frame/software_offload.h"
#include "ndis/nbl.h"
#include "rules/rules.h"

/* Bits of the out-of-band words. */
enum {
    SUM_IPV4 = 1 << 0,
    SUM_IPV6 = 1 << 1,
    SUM_TCP = 1 << 2,
    SUM_UDP = 1 << 3,
    SUM_HEADER = 1 << 4,
    SUM_TCP_OFFSET_AT = 16,
    LARGE_MSS_MOST = (1 << 20) - 1,
    LARGE_TCP_OFFSET_AT = 20,
    TCP_OFFSET_MOST = 1023,
    TAG_PROTOCOL = 0x8100,
    TAG_VLAN_AT = 4, /* behind priority (3 bits) and canonical format id (1 bit) */
};
#define LARGE_VERSION_2    (1u << 30)
#define LARGE_VERSION_IPV6 (1u << 31)

/* ---- 802.1Q ---- */

/* VLN-01: the tag's fields go into the out-of-band word; a word of 0 means no tag, so a tag without content stays in the frame. */
static void take_tag(uint8_t *frame, size_t *length, struct network_request *wanted, struct send_request *request)
{
    unsigned tag;

    if (*length < PACKET_ETHERNET + PACKET_TAG || packet_get16(frame + 12) != TAG_PROTOCOL)
        return;
    tag = packet_get16(frame + PACKET_ETHERNET);
    if (!tag)
        return;
    request->tag = tag >> 13 | (tag >> 12 & 1) << 3 | (tag & 0xFFF) << TAG_VLAN_AT;
    memmove(frame + 12, frame + 12 + PACKET_TAG, *length - 12 - PACKET_TAG);
    *length -= PACKET_TAG;
    wanted->checksum_start -= wanted->checksum ? PACKET_TAG : 0;
}

/* ---- checksums ---- */

static bool can_sum(const struct offload_sums *sums, const struct packet *packet)
{
    if (packet->ip_options && !sums->ip_options)
        return false;
    return packet->transport == TRANSPORT_UDP ? sums->udp : sums->tcp && (!packet->tcp_options || sums->tcp_options);
}

/* What Linux left to do; false when its own words do not fit the frame. */
static bool ask_transport_sum(const struct offload_sums *sums, const struct network_request *wanted, const struct packet *packet,
                              uint8_t *frame, size_t length, struct send_request *request)
{
    bool known = packet->transport != TRANSPORT_OTHER && wanted->checksum_start == packet->transport_at &&
                 wanted->checksum_offset == packet_sum_offset(packet) && packet->end == length;

    if (!known || !can_sum(sums, packet) || packet->transport_at > TCP_OFFSET_MOST)
        return software_checksum(frame, length, wanted->checksum_start, wanted->checksum_offset);
    /* Linux's partial sum is Windows' (CSO-01): addresses, protocol and length. It is made anew: whose mistake would it be else? */
    packet_put16(frame + packet->transport_at + packet_sum_offset(packet),
                 packet_pseudo_sum(frame, packet, (uint32_t)(packet->end - packet->transport_at)));
    request->checksum |= packet->transport == TRANSPORT_UDP ? SUM_UDP : SUM_TCP;
    /* CSO-04: the offset is TCP's only. */
    if (packet->transport == TRANSPORT_TCP)
        request->checksum |= (uint32_t)packet->transport_at << SUM_TCP_OFFSET_AT;
    return true;
}

static void ask_header_sum(const struct offload_sums *sums, const struct packet *packet, uint8_t *frame, struct send_request *request)
{
    if (packet->version != 4 || !sums->header || (packet->ip_options && !sums->ip_options))
        return;
    packet_put16(frame + packet->network + PACKET_IPV4_SUM, 0);
    request->checksum |= SUM_HEADER;
}

/* ---- large sends ---- */

static bool can_cut(const struct offload_large *large, const struct packet *packet, size_t length, unsigned segment_size)
{
    size_t payload = length - packet->payload;

    return large->on && payload <= large->largest && (payload + segment_size - 1) / segment_size >= large->segments_least &&
           (!packet->ip_options || large->ip_options) && (!packet->tcp_options || large->tcp_options) &&
           packet->transport_at <= TCP_OFFSET_MOST && segment_size <= LARGE_MSS_MOST;
}

static enum send_request_outcome ask_large(const struct offload *usable, const struct network_request *wanted, const struct packet *packet,
                                           uint8_t *frame, size_t length, struct send_request *request)
{
    unsigned family = packet->version == 6;

    if (packet->transport != TRANSPORT_TCP || packet->version != (wanted->large == LARGE_TCP6 ? 6u : 4u) || !wanted->segment_size)
        return REQUEST_IMPOSSIBLE;
    if (!can_cut(&usable->large[family], packet, length, wanted->segment_size))
        return REQUEST_SEGMENTED;
    packet_put16(frame + packet->transport_at + PACKET_TCP_SUM, packet_pseudo_sum(frame, packet, 0));
    if (packet->version == 4) {
        packet_put16(frame + packet->network + 2, 0);
        packet_put16(frame + packet->network + PACKET_IPV4_SUM, 0);
    } else {
        packet_put16(frame + packet->network + 4, 0);
    }
    request->large =
        wanted->segment_size | (uint32_t)packet->transport_at << LARGE_TCP_OFFSET_AT | LARGE_VERSION_2 | (family ? LARGE_VERSION_IPV6 : 0);
    request->headers = packet->payload;
    return REQUEST_MADE;
}

enum send_request_outcome send_request_make(const struct offload *usable, bool tags, const struct network_request *wanted_of_linux,
                                            uint8_t *frame, size_t *length, struct send_request *request)
{
    struct network_request wanted = *wanted_of_linux;
    struct packet packet;

    *request = send_request_nothing();
    if (tags)
        take_tag(frame, length, &wanted, request);
    packet_parse(frame, *length < PACKET_HEADERS_MAX ? *length : PACKET_HEADERS_MAX, *length, &packet);
    if (wanted.large)
        return ask_large(usable, &wanted, &packet, frame, *length, request);
    if (wanted.checksum && !ask_transport_sum(&usable->transmit[packet.version == 6], &wanted, &packet, frame, *length, request))
        return REQUEST_IMPOSSIBLE;
    ask_header_sum(&usable->transmit[OFFLOAD_IPV4], &packet, frame, request);
    if (request->checksum)
        request->checksum |= packet.version == 6 ? SUM_IPV6 : SUM_IPV4;
    return REQUEST_MADE;
}

/* ---- in the NET_BUFFER_LIST ---- */

static uintptr_t *info(nt_NET_BUFFER_LIST *list, unsigned slot)
{
    return (uintptr_t *)(void *)(list->NetBufferListInfo + slot * sizeof(uintptr_t));
}

void send_request_write(const struct send_request *request, nt_NET_BUFFER_LIST *list)
{
    *info(list, NT_TcpIpChecksumNetBufferListInfo) = request->checksum;
    *info(list, NT_TcpLargeSendNetBufferListInfo) = request->large;
    *info(list, NT_Ieee8021QNetBufferListInfo) = request->tag;
}

static void check_unchanged(const struct nbl_cell *cell, unsigned slot, uint32_t expected, const char *name)
{
    uintptr_t value = *info((nt_NET_BUFFER_LIST *)&cell->nbl, slot);

    if (value != expected)
        nbl_violated("HOST-NBL-INFORMATION", cell, "%s was 0x%x and is 0x%lx on completion", name, expected, (unsigned long)value);
}

void send_request_check_completed(const struct send_request *request, const struct nbl_cell *cell)
{
    uintptr_t large = *info((nt_NET_BUFFER_LIST *)&cell->nbl, NT_TcpLargeSendNetBufferListInfo);

    check_unchanged(cell, NT_TcpIpChecksumNetBufferListInfo, request->checksum, "TcpIpChecksumNetBufferListInfo");
    check_unchanged(cell, NT_Ieee8021QNetBufferListInfo, request->tag, "Ieee8021QNetBufferListInfo");
    if (!request->large)
        check_unchanged(cell, NT_TcpLargeSendNetBufferListInfo, 0, "TcpLargeSendNetBufferListInfo");
    /* LsoV2TransmitComplete: Reserved (30 bits) 0, Type 1. A send that failed was not segmented. */
    else if (cell->nbl.Status == NT_NDIS_STATUS_SUCCESS && (large & ~(uintptr_t)LARGE_VERSION_IPV6) != LARGE_VERSION_2)
        nbl_violated("LSO-09", cell, "a large send was completed with LsoV2TransmitComplete 0x%lx: Reserved must be 0, Type 1",
                     (unsigned long)large);
}
