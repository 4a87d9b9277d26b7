/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* sample_oids.c - the sample miniport's OID requests and status indications, and their faults. */
#include <string.h>

#include "misuse.h"
#include "sample.h"

#define FAULTY(name) (sample_fault == FAULT_##name)

const uint32_t sample_oid_list[] = {
    NT_OID_GEN_STATISTICS,
    NT_OID_GEN_XMIT_OK,
    NT_OID_GEN_RCV_OK,
    NT_OID_GEN_TRANSMIT_BUFFER_SPACE,
    NT_OID_GEN_RECEIVE_BUFFER_SPACE,
    NT_OID_GEN_TRANSMIT_BLOCK_SIZE,
    NT_OID_GEN_RECEIVE_BLOCK_SIZE,
    NT_OID_GEN_VENDOR_ID,
    NT_OID_GEN_VENDOR_DESCRIPTION,
    NT_OID_GEN_VENDOR_DRIVER_VERSION,
    NT_OID_GEN_MAXIMUM_TOTAL_SIZE,
    NT_OID_GEN_INTERRUPT_MODERATION,
    NT_OID_GEN_CURRENT_PACKET_FILTER,
    NT_OID_802_3_MULTICAST_LIST,
    NT_OID_GEN_CURRENT_LOOKAHEAD,
    NT_OID_PNP_CAPABILITIES, /* not counted: for FAULT_OID_LISTS_OBSOLETE */
};
const unsigned sample_oid_count = sizeof(sample_oid_list) / sizeof(sample_oid_list[0]) - 1;

/* ---- queries ---- */

static uint32_t give(nt_NDIS_OID_REQUEST *request, const void *value, uint32_t size)
{
    uint32_t length = request->DATA_QUERY_INFORMATION_InformationBufferLength;

    if (length < size) {
        request->DATA_QUERY_INFORMATION_BytesNeeded = size;
        return NT_NDIS_STATUS_INVALID_LENGTH;
    }
    memcpy((void *)request->DATA_QUERY_INFORMATION_InformationBuffer, value, size);
    request->DATA_QUERY_INFORMATION_BytesWritten = size;
    if (FAULTY(OID_BYTES_WRITTEN))
        request->DATA_QUERY_INFORMATION_BytesWritten = length + 1;
    if (FAULTY(OID_OVERRUN))
        ((uint8_t *)request->DATA_QUERY_INFORMATION_InformationBuffer)[length] = 0;
    return NT_NDIS_STATUS_SUCCESS;
}

static uint32_t give_counter(nt_NDIS_OID_REQUEST *request, uint64_t value)
{
    uint32_t length = request->DATA_QUERY_INFORMATION_InformationBufferLength;

    request->DATA_QUERY_INFORMATION_BytesNeeded = 8;
    if (length < 4)
        return NT_NDIS_STATUS_INVALID_LENGTH;
    request->DATA_QUERY_INFORMATION_BytesWritten = length < 8 ? 4 : 8;
    memcpy((void *)request->DATA_QUERY_INFORMATION_InformationBuffer, &value, length < 8 ? 4 : 8);
    return NT_NDIS_STATUS_SUCCESS;
}

static uint32_t give_statistics(nt_NDIS_OID_REQUEST *request)
{
    nt_NDIS_STATISTICS_INFO statistics;

    memset(&statistics, 0, sizeof(statistics));
    sample_header(&statistics, NT_NDIS_OBJECT_TYPE_DEFAULT, FAULTY(OID_STATISTICS_HEADER) ? 0 : 1,
                  NT_NDIS_SIZEOF_STATISTICS_INFO_REVISION_1);
    statistics.SupportedStatistics = 1;
    sample.statistics_calls++;
    statistics.ifHCInUcastPkts = FAULTY(OID_STATISTICS_DECREASE) ? 1000 - sample.statistics_calls : sample.statistics_calls;
    return give(request, &statistics, NT_NDIS_SIZEOF_STATISTICS_INFO_REVISION_1);
}

static uint32_t query(nt_NDIS_OID_REQUEST *request)
{
    static const char description[] = "Sample adapter";
    nt_NDIS_INTERRUPT_MODERATION_PARAMETERS moderation;
    uint32_t word;

    switch (request->DATA_QUERY_INFORMATION_Oid) {
    case NT_OID_GEN_STATISTICS:
        return give_statistics(request);
    case NT_OID_GEN_XMIT_OK:
    case NT_OID_GEN_RCV_OK:
        return give_counter(request, 5);
    case NT_OID_GEN_TRANSMIT_BUFFER_SPACE:
    case NT_OID_GEN_RECEIVE_BUFFER_SPACE:
        word = SAMPLE_RX_COUNT * SAMPLE_RX_SIZE;
        return give(request, &word, 4);
    case NT_OID_GEN_TRANSMIT_BLOCK_SIZE:
    case NT_OID_GEN_RECEIVE_BLOCK_SIZE:
    case NT_OID_GEN_MAXIMUM_TOTAL_SIZE:
        word = SAMPLE_MTU + (FAULTY(OID_TOTAL_SIZE) ? 0 : 14);
        return give(request, &word, 4);
    case NT_OID_GEN_VENDOR_ID:
        word = 0xFFFFFF;
        return give(request, &word, 4);
    case NT_OID_PNP_QUERY_POWER:
        return NT_NDIS_STATUS_SUCCESS;
    case NT_OID_GEN_VENDOR_DRIVER_VERSION:
        word = 0x10000;
        return give(request, &word, 4);
    case NT_OID_GEN_VENDOR_DESCRIPTION:
        return give(request, description, sizeof(description));
    case NT_OID_GEN_INTERRUPT_MODERATION:
        memset(&moderation, 0, sizeof(moderation));
        sample_header(&moderation, NT_NDIS_OBJECT_TYPE_DEFAULT, 1, NT_NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1);
        moderation.InterruptModeration = NT_NdisInterruptModerationNotSupported;
        return give(request, &moderation, NT_NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1);
    default:
        return FAULTY(OID_TAKES_UNKNOWN) ? NT_NDIS_STATUS_SUCCESS : NT_NDIS_STATUS_NOT_SUPPORTED;
    }
}

/* ---- sets ---- */

static uint32_t set(nt_NDIS_OID_REQUEST *request)
{
    const uint32_t supported =
        NT_NDIS_PACKET_TYPE_DIRECTED | NT_NDIS_PACKET_TYPE_MULTICAST | NT_NDIS_PACKET_TYPE_BROADCAST | NT_NDIS_PACKET_TYPE_ALL_MULTICAST;
    uint32_t length = request->DATA_SET_INFORMATION_InformationBufferLength, word = 0;

    switch (request->DATA_SET_INFORMATION_Oid) {
    case NT_OID_GEN_CURRENT_PACKET_FILTER:
    case NT_OID_GEN_CURRENT_LOOKAHEAD:
        if (length < 4 && !FAULTY(OID_SHORT_FILTER)) {
            request->DATA_SET_INFORMATION_BytesNeeded = 4;
            return NT_NDIS_STATUS_INVALID_LENGTH;
        }
        memcpy(&word, (const void *)request->DATA_SET_INFORMATION_InformationBuffer, length < 4 ? length : 4);
        if (request->DATA_SET_INFORMATION_Oid == NT_OID_GEN_CURRENT_PACKET_FILTER && (word & ~supported))
            return NT_NDIS_STATUS_NOT_SUPPORTED;
        request->DATA_SET_INFORMATION_BytesRead = length < 4 ? length : 4;
        /* The host takes the filter away when it has paused the adapter. */
        if (request->DATA_SET_INFORMATION_Oid == NT_OID_GEN_CURRENT_PACKET_FILTER && !word &&
            (FAULTY(INDICATES_PAUSED) || FAULTY(RECEIVE_DISPATCH_FLAG)))
            sample_indicate_when_paused();
        sample.packet_filter = word;
        return NT_NDIS_STATUS_SUCCESS;
    case NT_OID_PNP_SET_POWER:
        request->DATA_SET_INFORMATION_BytesRead = length;
        return NT_NDIS_STATUS_SUCCESS;
    case NT_OID_GEN_INTERRUPT_MODERATION:
        return NT_NDIS_STATUS_INVALID_DATA;
    case NT_OID_802_3_MULTICAST_LIST:
        if (length > SAMPLE_MULTICAST_MAX * 6)
            return NT_NDIS_STATUS_MULTICAST_FULL;
        if (length % 6) {
            request->DATA_SET_INFORMATION_BytesNeeded = (length / 6 + 1) * 6;
            return NT_NDIS_STATUS_INVALID_LENGTH;
        }
        request->DATA_SET_INFORMATION_BytesRead = length;
        return NT_NDIS_STATUS_SUCCESS;
    case NT_OID_TCP_OFFLOAD_PARAMETERS:
    case NT_OID_OFFLOAD_ENCAPSULATION:
        return sample_has_offload() ? sample_offload_set(request) : NT_NDIS_STATUS_NOT_SUPPORTED;
    default:
        return FAULTY(OID_TAKES_UNKNOWN) ? NT_NDIS_STATUS_SUCCESS : NT_NDIS_STATUS_NOT_SUPPORTED;
    }
}

/* The lookahead is set by a work item, so that a request that pends is part of every run. */
void IMAGE sample_oid_work(void *context, void *work_item)
{
    nt_NDIS_OID_REQUEST *request = sample.pending_oid;

    (void)context;
    (void)work_item;
    NdisMOidRequestComplete(sample.adapter, request, FAULTY(OID_COMPLETE_PENDING) ? NT_NDIS_STATUS_PENDING : sample.pending_status);
}

static uint32_t carry_out(nt_NDIS_OID_REQUEST *request)
{
    switch (request->RequestType) {
    case NT_NdisRequestQueryInformation:
    case NT_NdisRequestQueryStatistics:
        return query(request);
    case NT_NdisRequestSetInformation:
        if (request->DATA_SET_INFORMATION_Oid != NT_OID_GEN_CURRENT_LOOKAHEAD)
            return set(request);
        sample.pending_oid = request;
        sample.pending_status = set(request);
        if (FAULTY(OID_COMPLETES_AND_RETURNS)) {
            NdisMOidRequestComplete(sample.adapter, request, NT_NDIS_STATUS_SUCCESS);
            return NT_NDIS_STATUS_SUCCESS;
        }
        NdisQueueIoWorkItem(sample.work_item, (void *)sample_oid_work, NULL);
        return NT_NDIS_STATUS_PENDING;
    case NT_NdisRequestMethod:
        if (!FAULTY(OID_METHOD_LONG))
            return NT_NDIS_STATUS_NOT_SUPPORTED;
        request->DATA_METHOD_INFORMATION_BytesWritten = request->DATA_METHOD_INFORMATION_OutputBufferLength + 1;
        return NT_NDIS_STATUS_SUCCESS;
    default:
        return NT_NDIS_STATUS_NOT_SUPPORTED;
    }
}

uint32_t IMAGE sample_oid(void *context, nt_NDIS_OID_REQUEST *request)
{
    struct misuse_call call = {.parameters = request};

    (void)context;
    call.status = carry_out(request);
    if (call.status != NT_NDIS_STATUS_PENDING) /* what pends may be over already */
        misuse_at(AT_OID, &call);
    return call.status;
}

/* ---- status ---- */

void sample_indicate_link(uint32_t state, uint32_t size)
{
    nt_NDIS_STATUS_INDICATION indication;
    nt_NDIS_LINK_STATE link;

    memset(&link, 0, sizeof(link));
    sample_header(&link, NT_NDIS_OBJECT_TYPE_DEFAULT, 1, NT_NDIS_SIZEOF_LINK_STATE_REVISION_1);
    link.MediaConnectState = state;
    link.MediaDuplexState = 2;
    link.XmitLinkSpeed = link.RcvLinkSpeed = 1000000000;
    memset(&indication, 0, sizeof(indication));
    sample_header(&indication, NT_NDIS_OBJECT_TYPE_STATUS_INDICATION, 1, NT_NDIS_SIZEOF_STATUS_INDICATION_REVISION_1);
    indication.SourceHandle = FAULTY(STATUS_SOURCE) ? 0 : (uintptr_t)sample.adapter;
    indication.StatusCode = FAULTY(STATUS_NDIS5) ? NT_NDIS_STATUS_MEDIA_CONNECT : NT_NDIS_STATUS_LINK_STATE;
    indication.StatusBuffer = (uintptr_t)&link;
    indication.StatusBufferSize = size ? size : NT_NDIS_SIZEOF_LINK_STATE_REVISION_1;
    misuse_at(AT_STATUS, &indication);
    NdisMIndicateStatusEx(sample.adapter, &indication);
}
