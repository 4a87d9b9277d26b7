/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* receive_check.c - the checks of one indicated NET_BUFFER_LIST: handles, lengths, MDL chain, filter. */
#include "ndis/receive_check.h"

#include <string.h>

#include "ndis/miniport.h"
#include "ndis/nbl.h"
#include "ndis/nbl_pool.h"
#include "ndis/oid.h"
#include "ndis/receive_offload.h"
#include "rules/rules.h"

enum { ETHERNET_HEADER = 14, ETHERTYPE_IPV4 = 0x0800 };

/* Fills the parts; false when the chain ends before the data does. */
static bool gather(struct nbl_cell *cell, const nt_NET_BUFFER *nb, struct received_frame *frame)
{
    const nt_MDL *mdl = (const nt_MDL *)nb->CurrentMdl;
    uint32_t offset = nb->CurrentMdlOffset, left = nb->DataLength;

    frame->length = left;
    frame->part_count = 0;
    while (left && mdl && frame->part_count < RECEIVED_PARTS_MAX) {
        uint32_t have = mdl->ByteCount > offset ? mdl->ByteCount - offset : 0, take = have < left ? have : left;
        uint8_t *bytes = mdl_bytes(mdl);

        if (!bytes) {
            nbl_violated("MEM-20", cell, "an MDL of an indicated frame has no system address");
            return false;
        }
        if (take) {
            frame->parts[frame->part_count].iov_base = bytes + offset;
            frame->parts[frame->part_count++].iov_len = take;
        }
        left -= take;
        offset = 0;
        mdl = (const nt_MDL *)mdl->Next;
    }
    if (left)
        nbl_violated("HOST-NBL-CORRUPT", cell, "DataLength %u is %u more than the MDL chain holds", nb->DataLength, left);
    return left == 0;
}

/* CurrentMdl and CurrentMdlOffset must be what MdlChain and DataOffset say (RCV-14). */
static void check_data_start(struct nbl_cell *cell, const nt_NET_BUFFER *nb)
{
    const nt_MDL *mdl = (const nt_MDL *)nb->MdlChain;
    uint32_t offset = nb->DataOffset;
    unsigned count = 0;

    while (mdl && (uintptr_t)mdl != nb->CurrentMdl && count++ < RECEIVED_PARTS_MAX) {
        offset -= mdl->ByteCount;
        mdl = (const nt_MDL *)mdl->Next;
    }
    if (!mdl || offset != nb->CurrentMdlOffset)
        nbl_violated("RCV-14", cell, "CurrentMdl and CurrentMdlOffset %u do not follow from MdlChain and DataOffset %u",
                     nb->CurrentMdlOffset, nb->DataOffset);
}

/* RCV-06: the first piece ends between headers, or holds the lookahead. */
static void check_split(struct adapter *adapter, struct nbl_cell *cell, const struct received_frame *frame)
{
    const uint8_t *bytes = frame->parts[0].iov_base;
    size_t first = frame->parts[0].iov_len;
    size_t ip_end;

    if (frame->part_count == 1 || first >= adapter->attributes.general.LookaheadSize)
        return;
    if (first < ETHERNET_HEADER) {
        nbl_violated("RCV-06", cell, "the MAC header is split: the first MDL holds %zu bytes", first);
        return;
    }
    if (first == ETHERNET_HEADER || (bytes[12] << 8 | bytes[13]) != ETHERTYPE_IPV4)
        return;
    ip_end = ETHERNET_HEADER + (size_t)(bytes[ETHERNET_HEADER] & 15) * 4;
    if (first < ip_end)
        nbl_violated("RCV-06", cell, "the IPv4 header is split: the first MDL holds %zu bytes", first);
}

static bool in_multicast_list(const struct adapter *adapter, const uint8_t *address)
{
    const struct oid_memory *memory = oid_memory(adapter->oids);

    for (uint32_t offset = 0; offset + 6 <= memory->multicast_length; offset += 6) {
        if (!memcmp(memory->multicast + offset, address, 6))
            return true;
    }
    return false;
}

static bool filter_matches(const struct adapter *adapter, const uint8_t *destination)
{
    static const uint8_t broadcast[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    uint32_t filter = adapter->current_packet_filter;

    if (filter & NT_NDIS_PACKET_TYPE_PROMISCUOUS)
        return true;
    if (!(destination[0] & 1))
        return (filter & NT_NDIS_PACKET_TYPE_DIRECTED) && !memcmp(destination, adapter->attributes.general.CurrentMacAddress, 6);
    if (!memcmp(destination, broadcast, 6))
        return (filter & NT_NDIS_PACKET_TYPE_BROADCAST) != 0;
    return (filter & NT_NDIS_PACKET_TYPE_ALL_MULTICAST) ||
           ((filter & NT_NDIS_PACKET_TYPE_MULTICAST) && in_multicast_list(adapter, destination));
}

bool receive_check_nbl(struct adapter *adapter, struct nbl_cell *cell, uint32_t flags, struct received_frame *frame)
{
    const nt_NET_BUFFER_LIST *list = &cell->nbl;
    const struct nb_cell *nb_cell = nb_cell_of((const void *)list->FirstNetBuffer);
    uint32_t longest = adapter->attributes.general.MtuSize + ETHERNET_HEADER;
    bool matches;

    if (cell->pool->owner != adapter && cell->pool->owner != adapter->driver)
        nbl_violated("RCV-04", cell, "the pool of an indicated NET_BUFFER_LIST is not this adapter's");
    if (list->SourceHandle != (uintptr_t)adapter->handle)
        nbl_violated("RCV-01", cell, "SourceHandle is not the adapter handle");
    if (list->Status != NT_NDIS_STATUS_SUCCESS)
        nbl_violated("RCV-13", cell, "Status is 0x%08x", list->Status);
    if (!nb_cell) {
        nbl_violated("RCV-04", cell, "FirstNetBuffer %p is not a NET_BUFFER", (void *)list->FirstNetBuffer);
        return false;
    }
    if (nb_cell->nb.Next)
        nbl_violated("RCV-03", cell, "more than one NET_BUFFER in an indicated NET_BUFFER_LIST");
    if (nb_cell->nb.DataLength < ETHERNET_HEADER) {
        nbl_violated("HOST-FRAME", cell, "a frame of %u bytes is indicated", nb_cell->nb.DataLength);
        return false;
    }
    if (nb_cell->nb.DataLength > longest) {
        nbl_violated("RCV-18", cell, "a frame of %u bytes is indicated, OID_GEN_MAXIMUM_TOTAL_SIZE is %u", nb_cell->nb.DataLength, longest);
        return false;
    }
    check_data_start(cell, &nb_cell->nb);
    if (!gather(cell, &nb_cell->nb, frame))
        return false;
    check_split(adapter, cell, frame);
    receive_offload_check(adapter, cell, frame);
    if (frame->parts[0].iov_len < 6)
        return false; /* reported by check_split() */
    matches = filter_matches(adapter, frame->parts[0].iov_base);
    if (!matches && (flags & NT_NDIS_RECEIVE_FLAGS_PERFECT_FILTERED))
        nbl_violated("RCV-15", cell, "PERFECT_FILTERED, but the frame does not match the packet filter 0x%x",
                     adapter->current_packet_filter);
    else if (!matches)
        rule_warned("RCV-16", NULL, "a frame that does not match the packet filter 0x%x is indicated", adapter->current_packet_filter);
    return matches;
}
