/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* receive_offload.c - checksum claims against the bytes of the frame, and tags that were taken out of it. */
#include "ndis/receive_offload.h"

#include <string.h>

#include "frame/internet_checksum.h"
#include "frame/packet.h"
#include "ndis/miniport.h"
#include "ndis/nbl.h"
#include "rules/rules.h"

/* Bits of NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO.Receive: Succeeded is three places above Failed. */
enum {
    CLAIM_TCP_FAILED = 1 << 0,
    CLAIM_UDP_FAILED = 1 << 1,
    CLAIM_HEADER_FAILED = 1 << 2,
    CLAIM_FAILED = CLAIM_TCP_FAILED | CLAIM_UDP_FAILED | CLAIM_HEADER_FAILED,
    CLAIM_SUCCEEDED_AT = 3,
    CLAIM_TCP = CLAIM_TCP_FAILED << CLAIM_SUCCEEDED_AT,
    CLAIM_UDP = CLAIM_UDP_FAILED << CLAIM_SUCCEEDED_AT,
    CLAIM_HEADER = CLAIM_HEADER_FAILED << CLAIM_SUCCEEDED_AT,
    CLAIM_DEFINED = CLAIM_FAILED | CLAIM_FAILED << CLAIM_SUCCEEDED_AT,
    TAG_DEFINED = 0xFFFF,
};

static uintptr_t word_of(const struct nbl_cell *cell, unsigned slot)
{
    uintptr_t value;

    memcpy(&value, cell->nbl.NetBufferListInfo + slot * sizeof(value), sizeof(value));
    return value;
}

/* ---- checksums ---- */

static size_t copy_headers(const struct received_frame *frame, uint8_t *headers)
{
    size_t have = 0;

    for (unsigned index = 0; index < frame->part_count && have < PACKET_HEADERS_MAX; index++) {
        size_t take = frame->parts[index].iov_len;

        if (take > PACKET_HEADERS_MAX - have)
            take = PACKET_HEADERS_MAX - have;
        memcpy(headers + have, frame->parts[index].iov_base, take);
        have += take;
    }
    return have;
}

/* The sum of [from, to) and the pseudo header: all ones when the checksum is right. */
static uint16_t transport_sum(const struct received_frame *frame, const uint8_t *headers, const struct packet *packet)
{
    struct internet_sum sum = {0};
    size_t at = 0;

    internet_sum_add_number(&sum, packet_pseudo_sum(headers, packet, (uint32_t)(packet->end - packet->transport_at)));
    for (unsigned index = 0; index < frame->part_count; index++) {
        size_t length = frame->parts[index].iov_len, from = at < packet->transport_at ? packet->transport_at - at : 0;
        size_t to = at + length > packet->end ? packet->end - at : length;

        if (at >= packet->end)
            break;
        if (from < to)
            internet_sum_add(&sum, (const uint8_t *)frame->parts[index].iov_base + from, to - from);
        at += length;
    }
    return internet_sum_value(&sum);
}

static void check_header_claim(const struct nbl_cell *cell, const uint8_t *headers, const struct packet *packet, bool allowed)
{
    if (!allowed)
        nbl_violated("OFF-07", cell, "an IPv4 header checksum is claimed although that offload is not on");
    if (packet->version != 4)
        nbl_violated("CSO-10", cell, "IpChecksumSucceeded for a frame without a whole IPv4 header");
    else if (!packet_header_sum_good(headers, packet))
        nbl_violated("CSO-09", cell, "IpChecksumSucceeded, but the IPv4 header checksum is wrong");
}

/* True when the transport checksum is verified by this. */
static bool check_transport_claim(const struct adapter *adapter, const struct nbl_cell *cell, const struct received_frame *frame,
                                  const uint8_t *headers, const struct packet *packet, bool tcp, bool allowed)
{
    const char *name = tcp ? "TcpChecksumSucceeded" : "UdpChecksumSucceeded";
    uint16_t sum;

    if (!allowed)
        nbl_violated("OFF-07", cell, "%s although that offload is not on for IPv%u", name, packet->version);
    if (packet->transport != (tcp ? TRANSPORT_TCP : TRANSPORT_UDP)) {
        nbl_violated("CSO-10", cell, "%s for a frame that is %s", name, packet->fragment ? "a fragment" : "something else");
        return false;
    }
    if (!tcp && packet->version == 4 && !packet_get16(headers + packet->transport_at + PACKET_UDP_SUM))
        return true; /* CSO-10: none was made */
    sum = transport_sum(frame, headers, packet);
    if (sum != 0xFFFF && !(adapter->function && pci_function_may_lie(adapter->function)))
        nbl_violated("CSO-09", cell, "%s, but the checksum is wrong: everything sums up to 0x%04x", name, sum);
    return sum == 0xFFFF;
}

static void check_claims(struct adapter *adapter, const struct nbl_cell *cell, struct received_frame *frame, uint32_t claims)
{
    uint8_t headers[PACKET_HEADERS_MAX];
    struct offload_claims claimable = offload_claimable(adapter);
    struct packet packet;
    bool verified = false;

    packet_parse(headers, copy_headers(frame, headers), frame->length, &packet);
    const struct offload_sums *allowed = &claimable.receive[packet.version == 6 ? OFFLOAD_IPV6 : OFFLOAD_IPV4];
    if (claims & CLAIM_HEADER)
        check_header_claim(cell, headers, &packet, claimable.receive[OFFLOAD_IPV4].header);
    if (claims & CLAIM_TCP)
        verified |= check_transport_claim(adapter, cell, frame, headers, &packet, true, allowed->tcp);
    if (claims & CLAIM_UDP)
        verified |= check_transport_claim(adapter, cell, frame, headers, &packet, false, allowed->udp);
    frame->checksum_verified = verified;
}

/* ---- tags ---- */

/* Tags are reported only where they are spoken of: by a keyword, or, without one, by MacOptions. */
static bool tags_reported(const struct adapter *adapter)
{
    return (adapter->attributes.general.MacOptions & (NT_NDIS_MAC_OPTION_8021P_PRIORITY | NT_NDIS_MAC_OPTION_8021Q_VLAN)) != 0;
}

static void take_tag(struct adapter *adapter, const struct nbl_cell *cell, struct received_frame *frame)
{
    uintptr_t word = word_of(cell, NT_Ieee8021QNetBufferListInfo);
    uint32_t tag = (uint32_t)word;

    if (!word)
        return;
    if (word & ~(uintptr_t)TAG_DEFINED)
        nbl_violated("RCV-14", cell, "Ieee8021QNetBufferListInfo is 0x%lx: bits that are reserved", (unsigned long)word);
    if (!tags_reported(adapter))
        nbl_violated("RCV-20", cell, "a tag is reported, MacOptions 0x%x know none", adapter->attributes.general.MacOptions);
    frame->tag = (uint16_t)((tag & 7) << 13 | (tag >> 3 & 1) << 12 | (tag >> 4 & 0xFFF));
    frame->tagged = true;
}

void receive_offload_check(struct adapter *adapter, const struct nbl_cell *cell, struct received_frame *frame)
{
    uintptr_t word = word_of(cell, NT_TcpIpChecksumNetBufferListInfo);
    uint32_t claims = (uint32_t)word;

    frame->checksum_verified = frame->tagged = false;
    take_tag(adapter, cell, frame);
    if (!word)
        return;
    if (!adapter->attributes.offload.declared) {
        nbl_violated("RCV-14", cell, "checksum information 0x%lx without offload attributes", (unsigned long)word);
        return;
    }
    if (word & ~(uintptr_t)CLAIM_DEFINED)
        nbl_violated("CSO-08", cell, "checksum information 0x%lx has bits that are not the miniport's in NDIS 6.20", (unsigned long)word);
    if (claims & claims >> CLAIM_SUCCEEDED_AT & CLAIM_FAILED)
        nbl_violated("CSO-07", cell, "checksum information 0x%x says failed and succeeded", claims);
    check_claims(adapter, cell, frame, claims);
}
