/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* sample_offload.c - the sample miniport with task offload: attributes, the two OIDs, checksums made and claimed; and their faults. */
#include <string.h>

#include "frame/packet.h"
#include "frame/software_offload.h"
#include "misuse.h"
#include "sample.h"

#define FAULTY(name) (sample_fault == FAULT_##name)

enum { OPTIONS = 1, TCP_OPTIONS = 1 << 2, TCP = 1 << 4, UDP = 1 << 6, HEADER = 1 << 8, LARGE_MOST = 60000 };
enum { SENT_TCP = 1 << 2, SENT_UDP = 1 << 3, SENT_HEADER = 1 << 4, CLAIM_TCP = 1 << 3, CLAIM_UDP = 1 << 4, CLAIM_HEADER = 1 << 5 };

/* NDIS_OFFLOAD as words: 1.. the four checksum parts, 20.. LSOv2. */
enum { WORD_SUMS = 1, WORD_LARGE = 20, OFFLOAD_WORDS = 36 };
static uint32_t hardware[OFFLOAD_WORDS], current[OFFLOAD_WORDS];
static bool encapsulated;

static void fill(uint32_t *words, const uint32_t *flags, uint32_t large)
{
    memset(words, 0, OFFLOAD_WORDS * 4);
    sample_header(words, NT_NDIS_OBJECT_TYPE_OFFLOAD, NT_NDIS_OFFLOAD_REVISION_2, NT_NDIS_SIZEOF_NDIS_OFFLOAD_REVISION_2);
    for (unsigned part = 0; part < 4; part++) {
        bool any = (flags[part] & (TCP | UDP | HEADER)) != 0;

        words[WORD_SUMS + 2 * part] = any ? NT_NDIS_ENCAPSULATION_IEEE_802_3 : 0;
        words[WORD_SUMS + 2 * part + 1] = any ? flags[part] | OPTIONS | TCP_OPTIONS : 0;
    }
    for (unsigned family = 0; family < 2; family++) {
        if (!(large & 1u << family))
            continue;
        words[WORD_LARGE + 3 * family] = NT_NDIS_ENCAPSULATION_IEEE_802_3;
        words[WORD_LARGE + 3 * family + 1] = LARGE_MOST;
        words[WORD_LARGE + 3 * family + 2] = 2;
        words[WORD_LARGE + 6] |= family ? OPTIONS | TCP_OPTIONS : 0;
    }
}

bool sample_has_offload(void)
{
    return sample_fault >= FAULT_OFFLOAD_NONE;
}

/* The world's keywords: *TCPChecksumOffloadIPv6 is 2 and *UDPChecksumOffloadIPv4 is 1. */
uint32_t sample_offload_declare(void)
{
    uint32_t all[] = {HEADER | TCP | UDP, HEADER | TCP | UDP, TCP | UDP, TCP | UDP};
    uint32_t used[] = {HEADER | TCP | UDP, HEADER | TCP, UDP, TCP | UDP};
    nt_NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES attributes;

    if (FAULTY(OFFLOAD_BEYOND_HARDWARE))
        all[3] &= ~(uint32_t)UDP;
    if (FAULTY(OFFLOAD_KEYWORD_IGNORED))
        used[1] |= UDP;
    encapsulated = false;
    fill(hardware, all, 3);
    fill(current, used, FAULTY(OFFLOAD_LARGE_ALONE) ? 3 : 1);
    if (FAULTY(OFFLOAD_WITHOUT_ENCAPSULATION))
        current[WORD_SUMS] = 0;
    memset(&attributes, 0, sizeof(attributes));
    sample_header(&attributes, NT_NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES, 1,
                  NT_NDIS_SIZEOF_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES_REVISION_1);
    attributes.DefaultOffloadConfiguration = (uintptr_t)current;
    attributes.HardwareOffloadCapabilities = (uintptr_t)hardware;
    misuse_at(AT_OFFLOAD, &attributes);
    return NdisMSetMiniportAttributes(sample.adapter, &attributes);
}

/* ---- requests ---- */

static void indicate_configuration(void)
{
    nt_NDIS_STATUS_INDICATION indication;

    memset(&indication, 0, sizeof(indication));
    sample_header(&indication, NT_NDIS_OBJECT_TYPE_STATUS_INDICATION, 1, NT_NDIS_SIZEOF_STATUS_INDICATION_REVISION_1);
    indication.SourceHandle = (uintptr_t)sample.adapter;
    indication.StatusCode = NT_NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG;
    indication.StatusBuffer = (uintptr_t)current;
    indication.StatusBufferSize = NT_NDIS_SIZEOF_NDIS_OFFLOAD_REVISION_2;
    if (!FAULTY(OFFLOAD_SILENT))
        NdisMIndicateStatusEx(sample.adapter, &indication);
}

/* One checksum member: value 1 off, 2 transmit, 3 receive, 4 both. */
static void change(uint32_t *flags, unsigned transmit, uint32_t bit, uint8_t value)
{
    if (!value)
        return;
    flags[transmit] = value == 2 || value == 4 ? flags[transmit] | bit : flags[transmit] & ~bit;
    flags[transmit + 1] = value >= 3 ? flags[transmit + 1] | bit : flags[transmit + 1] & ~bit;
}

static uint32_t set_parameters(const uint8_t *bytes, uint32_t length)
{
    uint32_t flags[4], large = (current[WORD_LARGE] != 0) | (current[WORD_LARGE + 3] != 0) << 1;
    bool legal = length >= 20 && bytes[0] == NT_NDIS_OBJECT_TYPE_DEFAULT && bytes[1];

    for (unsigned part = 0; part < 4; part++)
        flags[part] = current[WORD_SUMS + 2 * part + 1] & (TCP | UDP | HEADER);
    for (unsigned at = 4; legal && at < 15; at++)
        legal = bytes[at] <= (at < 9 ? 4 : at == 11 || at == 12 ? 2 : 1);
    if (!legal)
        return FAULTY(OFFLOAD_TAKES_ILLEGAL) ? NT_NDIS_STATUS_SUCCESS : NT_NDIS_STATUS_INVALID_DATA;
    change(flags, 0, HEADER, bytes[4]);
    change(flags, 0, TCP, bytes[5]);
    change(flags, 0, UDP, bytes[6]);
    change(flags, 2, TCP, FAULTY(OFFLOAD_CHANGES_OTHER) ? 4 : bytes[7]);
    change(flags, 2, UDP, bytes[8]);
    for (unsigned family = 0; family < 2; family++) {
        if (bytes[11 + family])
            large = bytes[11 + family] == 2 ? large | 1u << family : large & ~(1u << family);
    }
    if (!(flags[0] & HEADER) || !(flags[0] & TCP))
        large &= ~1u;
    if (!(flags[2] & TCP))
        large &= ~2u;
    fill(current, flags, large);
    indicate_configuration();
    return NT_NDIS_STATUS_SUCCESS;
}

uint32_t sample_offload_set(nt_NDIS_OID_REQUEST *request)
{
    const uint8_t *bytes = (const void *)request->DATA_SET_INFORMATION_InformationBuffer;
    uint32_t length = request->DATA_SET_INFORMATION_InformationBufferLength, type;

    request->DATA_SET_INFORMATION_BytesRead = length;
    if (request->DATA_SET_INFORMATION_Oid == NT_OID_TCP_OFFLOAD_PARAMETERS)
        return set_parameters(bytes, length);
    if (length < 28)
        return NT_NDIS_STATUS_INVALID_PARAMETER;
    memcpy(&type, bytes + 8, 4);
    if (!(type & NT_NDIS_ENCAPSULATION_IEEE_802_3) && !FAULTY(OFFLOAD_ANY_ENCAPSULATION))
        return NT_NDIS_STATUS_INVALID_PARAMETER;
    encapsulated = true;
    indicate_configuration();
    return NT_NDIS_STATUS_SUCCESS;
}

/* ---- data ---- */

/* The "device" completes what it was asked for. */
void sample_offload_transmit(const nt_NET_BUFFER_LIST *nbl, uint8_t *frame, size_t length)
{
    uint32_t word;
    struct packet packet;

    memcpy(&word, nbl->NetBufferListInfo, 4);
    if (!sample_has_offload() || !word)
        return;
    packet_parse(frame, length, length, &packet);
    if (word & SENT_HEADER)
        software_header_checksum(frame, packet.network);
    if (word & (SENT_TCP | SENT_UDP))
        software_checksum(frame, length, packet.transport_at, packet_sum_offset(&packet));
}

void sample_offload_completed(nt_NET_BUFFER_LIST *nbl)
{
    uint8_t *large = nbl->NetBufferListInfo + NT_TcpLargeSendNetBufferListInfo * sizeof(uintptr_t);
    uint32_t word;

    if (!sample_has_offload())
        return;
    memcpy(&word, large, 4);
    if (word && !FAULTY(OFFLOAD_LARGE_UNREPORTED)) {
        word = 1u << 30;
        memcpy(large, &word, 4);
    }
    if (FAULTY(OFFLOAD_INFORMATION_CHANGED))
        nbl->NetBufferListInfo[0] ^= 1;
}

/* Nothing here receives one. */
bool sample_offload_is_large(const nt_NET_BUFFER_LIST *nbl)
{
    uint32_t word;

    memcpy(&word, nbl->NetBufferListInfo + NT_TcpLargeSendNetBufferListInfo * sizeof(uintptr_t), 4);
    return word != 0;
}

void sample_offload_received(nt_NET_BUFFER_LIST *nbl, uint8_t *frame, size_t length)
{
    uint32_t claims = 0;
    struct packet packet;

    if (!sample_has_offload())
        return;
    packet_parse(frame, length, length, &packet);
    if (encapsulated && packet.version) {
        unsigned part = WORD_SUMS + (packet.version == 4 ? 2 : 6);
        uint32_t flags = current[part + 1];

        claims |= packet.version == 4 && (flags & HEADER) ? CLAIM_HEADER : 0;
        claims |= packet.transport == TRANSPORT_TCP && (flags & TCP) ? CLAIM_TCP : 0;
        claims |= packet.transport == TRANSPORT_UDP && ((flags & UDP) || FAULTY(OFFLOAD_CLAIMS_OFF)) ? CLAIM_UDP : 0;
        if (FAULTY(OFFLOAD_CLAIMS_BAD))
            frame[length - 1] ^= 1;
    }
    if (FAULTY(OFFLOAD_CLAIMS_OTHER) && !packet.version)
        claims = CLAIM_TCP;
    memset(nbl->NetBufferListInfo, 0, sizeof(nbl->NetBufferListInfo));
    memcpy(nbl->NetBufferListInfo, &claims, 4);
    if (FAULTY(OFFLOAD_TAG_REPORTED))
        nbl->NetBufferListInfo[NT_Ieee8021QNetBufferListInfo * sizeof(uintptr_t)] = 0x50;
}
