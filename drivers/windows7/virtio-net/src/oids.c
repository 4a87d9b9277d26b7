/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* oids.c - OID requests: every OID is a row with a handler for queries, for sets, or for both. */
#include "oids.h"
#include "adapter.h"
#include "aero_virtio_net.h"
#include "oid_table.h"
#include "trace.h"

/* ---- statistics ---- */

static ULONG QueryStatistics(PAEROVNET_ADAPTER Adapter, PAEROVNET_ANSWER Answer)
{
    AerovnetStatisticsQuery(Adapter, &Answer->Statistics);
    return NDIS_SIZEOF_STATISTICS_INFO_REVISION_1;
}

static ULONG QueryTransmitted(PAEROVNET_ADAPTER Adapter, PAEROVNET_ANSWER Answer)
{
    NDIS_STATISTICS_INFO *Info = &Answer->Statistics;

    AerovnetStatisticsQuery(Adapter, Info);
    return AerovnetAnswerCounter(Answer, Info->ifHCOutUcastPkts + Info->ifHCOutMulticastPkts + Info->ifHCOutBroadcastPkts);
}

static ULONG QueryReceived(PAEROVNET_ADAPTER Adapter, PAEROVNET_ANSWER Answer)
{
    NDIS_STATISTICS_INFO *Info = &Answer->Statistics;

    AerovnetStatisticsQuery(Adapter, Info);
    return AerovnetAnswerCounter(Answer, Info->ifHCInUcastPkts + Info->ifHCInMulticastPkts + Info->ifHCInBroadcastPkts);
}

static ULONG QueryTransmitErrors(PAEROVNET_ADAPTER Adapter, PAEROVNET_ANSWER Answer)
{
    AerovnetStatisticsQuery(Adapter, &Answer->Statistics);
    return AerovnetAnswerCounter(Answer, Answer->Statistics.ifOutErrors);
}

static ULONG QueryReceiveErrors(PAEROVNET_ADAPTER Adapter, PAEROVNET_ANSWER Answer)
{
    AerovnetStatisticsQuery(Adapter, &Answer->Statistics);
    return AerovnetAnswerCounter(Answer, Answer->Statistics.ifInErrors);
}

static ULONG QueryReceiveNoBuffer(PAEROVNET_ADAPTER Adapter, PAEROVNET_ANSWER Answer)
{
    NdisAcquireSpinLock(&Adapter->Rx.Lock);
    Answer->Counter = Adapter->Rx.Counters.NoBuffer;
    NdisReleaseSpinLock(&Adapter->Rx.Lock);
    return sizeof Answer->Counter;
}

/* ---- what the adapter is ---- */

static ULONG QueryHardwareStatus(PAEROVNET_ADAPTER Adapter, PAEROVNET_ANSWER Answer)
{
    UNREFERENCED_PARAMETER(Adapter);
    Answer->HardwareStatus = NdisHardwareStatusReady;
    return sizeof Answer->HardwareStatus;
}

static ULONG QueryMaximumFrame(PAEROVNET_ADAPTER Adapter, PAEROVNET_ANSWER Answer)
{
    return AerovnetAnswerNumber(Answer, Adapter->Mtu);
}

static ULONG QueryMaximumTotal(PAEROVNET_ADAPTER Adapter, PAEROVNET_ANSWER Answer)
{
    return AerovnetAnswerNumber(Answer, AerovnetMaximumTotalSize(Adapter));
}

static ULONG QueryTransmitSpace(PAEROVNET_ADAPTER Adapter, PAEROVNET_ANSWER Answer)
{
    return AerovnetAnswerNumber(Answer, Adapter->Tx.SlotCount * AerovnetMaximumTotalSize(Adapter));
}

static ULONG QueryReceiveSpace(PAEROVNET_ADAPTER Adapter, PAEROVNET_ANSWER Answer)
{
    return AerovnetAnswerNumber(Answer, Adapter->Rx.BufferCount * Adapter->Rx.BufferBytes);
}

static ULONG QueryVendorId(PAEROVNET_ADAPTER Adapter, PAEROVNET_ANSWER Answer)
{
    UNREFERENCED_PARAMETER(Adapter);
    return AerovnetAnswerNumber(Answer, AEROVNET_VENDOR_ID);
}

static ULONG QueryVendorDescription(PAEROVNET_ADAPTER Adapter, PAEROVNET_ANSWER Answer)
{
    const CHAR *Text = Adapter->Personality->Description;
    ULONG Length = 0;

    while (Length < AEROVNET_ANSWER_BYTES - 1 && Text[Length] != '\0') {
        Answer->Bytes[Length] = (UCHAR)Text[Length];
        Length++;
    }
    Answer->Bytes[Length++] = '\0';
    return Length;
}

static ULONG QueryVendorDriverVersion(PAEROVNET_ADAPTER Adapter, PAEROVNET_ANSWER Answer)
{
    UNREFERENCED_PARAMETER(Adapter);
    return AerovnetAnswerNumber(Answer, AEROVNET_VERSION);
}

static ULONG QueryPermanentAddress(PAEROVNET_ADAPTER Adapter, PAEROVNET_ANSWER Answer)
{
    NdisMoveMemory(Answer->Bytes, Adapter->Device.Mac, ETH_LENGTH_OF_ADDRESS);
    return ETH_LENGTH_OF_ADDRESS;
}

static ULONG QueryCurrentAddress(PAEROVNET_ADAPTER Adapter, PAEROVNET_ANSWER Answer)
{
    NdisMoveMemory(Answer->Bytes, Adapter->StationAddress, ETH_LENGTH_OF_ADDRESS);
    return ETH_LENGTH_OF_ADDRESS;
}

static ULONG QueryMulticastMaximum(PAEROVNET_ADAPTER Adapter, PAEROVNET_ANSWER Answer)
{
    UNREFERENCED_PARAMETER(Adapter);
    return AerovnetAnswerNumber(Answer, RECEIVE_FILTER_MULTICAST_MAX);
}

/* ---- receive filter ---- */

static ULONG QueryPacketFilter(PAEROVNET_ADAPTER Adapter, PAEROVNET_ANSWER Answer)
{
    return AerovnetAnswerNumber(Answer, Adapter->Rx.Filter.packet_filter); /* written by OIDs only, and those are serialized */
}

static NDIS_STATUS SetPacketFilter(PAEROVNET_ADAPTER Adapter, PNDIS_OID_REQUEST Request, const UCHAR *Bytes, ULONG Length, PULONG Read)
{
    ULONG Filter;

    UNREFERENCED_PARAMETER(Length);
    UNREFERENCED_PARAMETER(Read);
    NdisMoveMemory(&Filter, Bytes, sizeof Filter);
    if ((Filter & ~(ULONG)AEROVNET_PACKET_FILTERS) != 0) {
        return NDIS_STATUS_NOT_SUPPORTED;
    }
    AerovnetControlPrepareFilter(Adapter);
    NdisAcquireSpinLock(&Adapter->Rx.Lock);
    Adapter->Rx.Filter.packet_filter = Filter;
    NdisReleaseSpinLock(&Adapter->Rx.Lock);
    AEROVNET_TRACE(("packet filter 0x%x", (unsigned)Filter));
    return AerovnetControlUpdateFilter(Adapter, Request);
}

static ULONG QueryMulticastList(PAEROVNET_ADAPTER Adapter, PAEROVNET_ANSWER Answer)
{
    ULONG Length = Adapter->Rx.Filter.multicast_count * ETH_LENGTH_OF_ADDRESS;

    NdisMoveMemory(Answer->Bytes, Adapter->Rx.Filter.multicast, Length);
    return Length;
}

static NDIS_STATUS SetMulticastList(PAEROVNET_ADAPTER Adapter, PNDIS_OID_REQUEST Request, const UCHAR *Bytes, ULONG Length, PULONG Read)
{
    ULONG Count = Length / ETH_LENGTH_OF_ADDRESS;

    if (Length % ETH_LENGTH_OF_ADDRESS != 0) {
        Request->DATA.SET_INFORMATION.BytesNeeded = Count * ETH_LENGTH_OF_ADDRESS;
        return NDIS_STATUS_INVALID_LENGTH;
    }
    if (Count > RECEIVE_FILTER_MULTICAST_MAX) {
        Request->DATA.SET_INFORMATION.BytesNeeded = RECEIVE_FILTER_MULTICAST_MAX * ETH_LENGTH_OF_ADDRESS;
        return NDIS_STATUS_MULTICAST_FULL;
    }
    AerovnetControlPrepareFilter(Adapter);
    NdisAcquireSpinLock(&Adapter->Rx.Lock);
    NdisMoveMemory(Adapter->Rx.Filter.multicast, Bytes, Length);
    Adapter->Rx.Filter.multicast_count = Count;
    NdisReleaseSpinLock(&Adapter->Rx.Lock);
    *Read = Length;
    Request->DATA.SET_INFORMATION.BytesRead = Length; /* for the case that it pends: it may be gone afterwards */
    return AerovnetControlUpdateFilter(Adapter, Request);
}

/* Whole frames are indicated whatever the lookahead is (OIM-06); the number is kept to be given back. */
static ULONG QueryLookahead(PAEROVNET_ADAPTER Adapter, PAEROVNET_ANSWER Answer)
{
    return AerovnetAnswerNumber(Answer, Adapter->Lookahead);
}

static NDIS_STATUS SetLookahead(PAEROVNET_ADAPTER Adapter, PNDIS_OID_REQUEST Request, const UCHAR *Bytes, ULONG Length, PULONG Read)
{
    ULONG Lookahead;

    UNREFERENCED_PARAMETER(Request);
    UNREFERENCED_PARAMETER(Length);
    UNREFERENCED_PARAMETER(Read);
    NdisMoveMemory(&Lookahead, Bytes, sizeof Lookahead);
    if (Lookahead > AerovnetMaximumTotalSize(Adapter)) {
        return NDIS_STATUS_INVALID_DATA;
    }
    Adapter->Lookahead = Lookahead;
    return NDIS_STATUS_SUCCESS;
}

/* ---- interrupts and link ---- */

static ULONG QueryInterruptModeration(PAEROVNET_ADAPTER Adapter, PAEROVNET_ANSWER Answer)
{
    NDIS_INTERRUPT_MODERATION_PARAMETERS *Moderation = &Answer->Moderation;

    NdisZeroMemory(Moderation, sizeof *Moderation);
    Moderation->Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    Moderation->Header.Revision = NDIS_INTERRUPT_MODERATION_PARAMETERS_REVISION_1;
    Moderation->Header.Size = NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1;
    if (!Adapter->Device.Profile.event_index) {
        Moderation->InterruptModeration = NdisInterruptModerationNotSupported;
    } else if (Adapter->Tx.Moderated) {
        Moderation->InterruptModeration = NdisInterruptModerationEnabled;
    } else {
        Moderation->InterruptModeration = NdisInterruptModerationDisabled;
    }
    return NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1;
}

/* OIM-07, OIM-08: what is not supported cannot be switched; else there is on and off. It holds from the next interrupt on. */
static NDIS_STATUS SetInterruptModeration(PAEROVNET_ADAPTER Adapter, PNDIS_OID_REQUEST Request, const UCHAR *Bytes, ULONG Length,
                                          PULONG Read)
{
    NDIS_INTERRUPT_MODERATION_PARAMETERS Parameters;

    UNREFERENCED_PARAMETER(Request);
    UNREFERENCED_PARAMETER(Length);
    UNREFERENCED_PARAMETER(Read);
    NdisMoveMemory(&Parameters, Bytes, NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1);
    if (!Adapter->Device.Profile.event_index || (Parameters.InterruptModeration != NdisInterruptModerationEnabled &&
                                                 Parameters.InterruptModeration != NdisInterruptModerationDisabled)) {
        return NDIS_STATUS_INVALID_DATA;
    }
    InterlockedExchange(&Adapter->Tx.Moderated, Parameters.InterruptModeration == NdisInterruptModerationEnabled);
    return NDIS_STATUS_SUCCESS;
}

/* The link is the host's: what it is can be asked for, nothing else. */
static NDIS_STATUS SetLinkParameters(PAEROVNET_ADAPTER Adapter, PNDIS_OID_REQUEST Request, const UCHAR *Bytes, ULONG Length, PULONG Read)
{
    NDIS_LINK_PARAMETERS Parameters;
    AEROVNET_LINK_FACTS Link;

    UNREFERENCED_PARAMETER(Request);
    UNREFERENCED_PARAMETER(Length);
    UNREFERENCED_PARAMETER(Read);
    NdisMoveMemory(&Parameters, Bytes, NDIS_SIZEOF_LINK_PARAMETERS_REVISION_1);
    NdisAcquireSpinLock(&Adapter->State.Lock);
    Link = Adapter->Link.Told;
    NdisReleaseSpinLock(&Adapter->State.Lock);
    if ((Parameters.XmitLinkSpeed != NDIS_LINK_SPEED_UNKNOWN && Parameters.XmitLinkSpeed != Link.Speed) ||
        (Parameters.RcvLinkSpeed != NDIS_LINK_SPEED_UNKNOWN && Parameters.RcvLinkSpeed != Link.Speed) ||
        (Parameters.MediaDuplexState == MediaDuplexStateHalf && Link.Duplex != MediaDuplexStateHalf)) {
        return NDIS_STATUS_INVALID_DATA;
    }
    return NDIS_STATUS_SUCCESS;
}

/* ---- power ---- */

/* No wake-up and no protocol offload was advertised, so none can be switched on (PWR-12). */
static NDIS_STATUS SetPowerParameters(PAEROVNET_ADAPTER Adapter, PNDIS_OID_REQUEST Request, const UCHAR *Bytes, ULONG Length, PULONG Read)
{
    NDIS_PM_PARAMETERS Parameters;

    UNREFERENCED_PARAMETER(Adapter);
    UNREFERENCED_PARAMETER(Request);
    UNREFERENCED_PARAMETER(Length);
    UNREFERENCED_PARAMETER(Read);
    NdisMoveMemory(&Parameters, Bytes, NDIS_SIZEOF_NDIS_PM_PARAMETERS_REVISION_1);
    if ((Parameters.EnabledWoLPacketPatterns | Parameters.EnabledProtocolOffloads | Parameters.WakeUpFlags) != 0) {
        return NDIS_STATUS_INVALID_PARAMETER;
    }
    return NDIS_STATUS_SUCCESS;
}

/* PWR-01: every state can be reached. */
static ULONG QueryPower(PAEROVNET_ADAPTER Adapter, PAEROVNET_ANSWER Answer)
{
    UNREFERENCED_PARAMETER(Adapter);
    UNREFERENCED_PARAMETER(Answer);
    return 0;
}

static NDIS_STATUS SetPower(PAEROVNET_ADAPTER Adapter, PNDIS_OID_REQUEST Request, const UCHAR *Bytes, ULONG Length, PULONG Read)
{
    NDIS_DEVICE_POWER_STATE State;

    UNREFERENCED_PARAMETER(Length);
    UNREFERENCED_PARAMETER(Read);
    NdisMoveMemory(&State, Bytes, sizeof State);
    return AerovnetRecoverySetPower(Adapter, Request, State == NdisDeviceStateD0);
}

/* ---- the table ---- */

#define NUMBER(Oid, Query)  {Oid, 0, FALSE, Query, NULL, 0, NULL}
#define COUNTER(Oid, Query) {Oid, 0, TRUE, Query, NULL, 0, NULL}

static const AEROVNET_OID OidTable[] = {
    {OID_GEN_STATISTICS, NDIS_STATISTICS_INFO_REVISION_1, FALSE, QueryStatistics, NULL, 0, NULL},
    COUNTER(OID_GEN_XMIT_OK, QueryTransmitted),
    COUNTER(OID_GEN_RCV_OK, QueryReceived),
    COUNTER(OID_GEN_XMIT_ERROR, QueryTransmitErrors),
    COUNTER(OID_GEN_RCV_ERROR, QueryReceiveErrors),
    COUNTER(OID_GEN_RCV_NO_BUFFER, QueryReceiveNoBuffer),
    NUMBER(OID_GEN_HARDWARE_STATUS, QueryHardwareStatus),
    NUMBER(OID_GEN_MAXIMUM_FRAME_SIZE, QueryMaximumFrame),
    NUMBER(OID_GEN_MAXIMUM_TOTAL_SIZE, QueryMaximumTotal),
    NUMBER(OID_GEN_TRANSMIT_BUFFER_SPACE, QueryTransmitSpace),
    NUMBER(OID_GEN_RECEIVE_BUFFER_SPACE, QueryReceiveSpace),
    NUMBER(OID_GEN_TRANSMIT_BLOCK_SIZE, QueryMaximumTotal),
    NUMBER(OID_GEN_RECEIVE_BLOCK_SIZE, QueryMaximumTotal),
    NUMBER(OID_GEN_VENDOR_ID, QueryVendorId),
    NUMBER(OID_GEN_VENDOR_DESCRIPTION, QueryVendorDescription),
    NUMBER(OID_GEN_VENDOR_DRIVER_VERSION, QueryVendorDriverVersion),
    {OID_GEN_CURRENT_PACKET_FILTER, 0, FALSE, QueryPacketFilter, SetPacketFilter, sizeof(ULONG), NULL},
    {OID_GEN_CURRENT_LOOKAHEAD, 0, FALSE, QueryLookahead, SetLookahead, sizeof(ULONG), NULL},
    {OID_GEN_INTERRUPT_MODERATION, NDIS_INTERRUPT_MODERATION_PARAMETERS_REVISION_1, FALSE, QueryInterruptModeration, SetInterruptModeration,
     NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1, NULL},
    {OID_GEN_LINK_PARAMETERS, NDIS_LINK_PARAMETERS_REVISION_1, FALSE, NULL, SetLinkParameters, NDIS_SIZEOF_LINK_PARAMETERS_REVISION_1,
     NULL},
    {OID_GEN_NETWORK_LAYER_ADDRESSES, 0, FALSE, NULL, AerovnetAnnounceSetAddresses, ANNOUNCEMENT_LIST_BYTES, NULL},
    NUMBER(OID_802_3_PERMANENT_ADDRESS, QueryPermanentAddress),
    NUMBER(OID_802_3_CURRENT_ADDRESS, QueryCurrentAddress),
    NUMBER(OID_802_3_MAXIMUM_LIST_SIZE, QueryMulticastMaximum),
    {OID_802_3_MULTICAST_LIST, 0, FALSE, QueryMulticastList, SetMulticastList, 0, NULL},
    {OID_PM_PARAMETERS, NDIS_PM_PARAMETERS_REVISION_1, FALSE, NULL, SetPowerParameters, NDIS_SIZEOF_NDIS_PM_PARAMETERS_REVISION_1, NULL},
    {OID_PNP_QUERY_POWER, 0, FALSE, QueryPower, NULL, 0, NULL},
    {OID_PNP_SET_POWER, 0, FALSE, NULL, SetPower, sizeof(NDIS_DEVICE_POWER_STATE), NULL},
    {OID_TCP_OFFLOAD_PARAMETERS, NDIS_OFFLOAD_PARAMETERS_REVISION_2, FALSE, NULL, AerovnetOffloadSetParameters,
     NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_1, AerovnetOffloadPresent},
    {OID_OFFLOAD_ENCAPSULATION, NDIS_OFFLOAD_ENCAPSULATION_REVISION_1, FALSE, NULL, AerovnetOffloadSetEncapsulation,
     NDIS_SIZEOF_OFFLOAD_ENCAPSULATION_REVISION_1, AerovnetOffloadPresent},
};
#define OID_COUNT (sizeof OidTable / sizeof OidTable[0])
C_ASSERT(OID_COUNT <= AEROVNET_OID_CAPACITY);
C_ASSERT(sizeof(NDIS_STATISTICS_INFO) >= NDIS_SIZEOF_STATISTICS_INFO_REVISION_1);

static BOOLEAN OidPresent(PAEROVNET_ADAPTER Adapter, const AEROVNET_OID *Row)
{
    return Row->Present == NULL || Row->Present(Adapter);
}

ULONG AerovnetOidsSupported(PAEROVNET_ADAPTER Adapter, NDIS_OID *Oids, ULONG Capacity)
{
    ULONG Index, Count = 0;

    for (Index = 0; Index < OID_COUNT && Count < Capacity; Index++) {
        if (OidPresent(Adapter, &OidTable[Index])) {
            Oids[Count++] = OidTable[Index].Oid;
        }
    }
    return Count;
}

static const AEROVNET_OID *OidFind(PAEROVNET_ADAPTER Adapter, NDIS_OID Oid)
{
    ULONG Index;

    for (Index = 0; Index < OID_COUNT; Index++) {
        if (OidTable[Index].Oid == Oid) {
            return OidPresent(Adapter, &OidTable[Index]) ? &OidTable[Index] : NULL;
        }
    }
    return NULL;
}

static NDIS_STATUS OidQuery(PAEROVNET_ADAPTER Adapter, PNDIS_OID_REQUEST Request)
{
    const AEROVNET_OID *Row = OidFind(Adapter, Request->DATA.QUERY_INFORMATION.Oid);
    ULONG Space = Request->DATA.QUERY_INFORMATION.InformationBufferLength;
    AEROVNET_ANSWER Answer;
    ULONG Length;

    Request->DATA.QUERY_INFORMATION.BytesWritten = 0;
    Request->DATA.QUERY_INFORMATION.BytesNeeded = 0;
    if (Row == NULL || Row->Query == NULL) {
        return NDIS_STATUS_NOT_SUPPORTED;
    }
    Length = Row->Query(Adapter, &Answer);
    if (Row->Counter && Space >= sizeof(ULONG) && Space < sizeof(ULONG64)) {
        /* OID-24: the low half, and word of the whole one. */
        Request->DATA.QUERY_INFORMATION.BytesNeeded = Length;
        Length = sizeof(ULONG);
    }
    if (Space < Length) {
        Request->DATA.QUERY_INFORMATION.BytesNeeded = Length;
        return NDIS_STATUS_INVALID_LENGTH;
    }
    NdisMoveMemory(Request->DATA.QUERY_INFORMATION.InformationBuffer, &Answer, Length);
    Request->DATA.QUERY_INFORMATION.BytesWritten = Length;
    if (Row->Revision != 0) {
        Request->SupportedRevision = Row->Revision;
    }
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS OidSet(PAEROVNET_ADAPTER Adapter, PNDIS_OID_REQUEST Request)
{
    const AEROVNET_OID *Row = OidFind(Adapter, Request->DATA.SET_INFORMATION.Oid);
    ULONG Length = Request->DATA.SET_INFORMATION.InformationBufferLength;
    ULONG Read;
    NDIS_STATUS Status;

    Request->DATA.SET_INFORMATION.BytesRead = 0;
    Request->DATA.SET_INFORMATION.BytesNeeded = 0;
    if (Row == NULL || Row->Set == NULL) {
        return NDIS_STATUS_NOT_SUPPORTED;
    }
    if (Length < Row->SetLength) {
        Request->DATA.SET_INFORMATION.BytesNeeded = Row->SetLength;
        return NDIS_STATUS_INVALID_LENGTH;
    }
    Read = Row->SetLength;
    /* A request that pends may be completed, and gone, before its handler returns: it is written before, and taken back on failure. */
    Request->DATA.SET_INFORMATION.BytesRead = Read;
    if (Row->Revision != 0) {
        Request->SupportedRevision = Row->Revision;
    }
    Status = Row->Set(Adapter, Request, Request->DATA.SET_INFORMATION.InformationBuffer, Length, &Read);
    if (Status != NDIS_STATUS_PENDING) {
        Request->DATA.SET_INFORMATION.BytesRead = Status == NDIS_STATUS_SUCCESS ? Read : 0;
    }
    return Status;
}

/*
 * MINIPORT_OID_REQUEST: one at a time. Answers at once, except for what needs the device, which a work item does: OID_PNP_SET_POWER, and
 * the receive filter where the device has one. They pend. After removal nothing is accepted. IRQL: PASSIVE_LEVEL.
 */
NDIS_STATUS NTAPI AerovnetMiniportOidRequest(NDIS_HANDLE MiniportAdapterContext, PNDIS_OID_REQUEST NdisRequest)
{
    PAEROVNET_ADAPTER Adapter = (PAEROVNET_ADAPTER)MiniportAdapterContext;

    if (AerovnetIsRemoved(Adapter)) {
        return NDIS_STATUS_NOT_ACCEPTED; /* PNP-03, OID-21 */
    }
    switch (NdisRequest->RequestType) {
    case NdisRequestQueryInformation:
    case NdisRequestQueryStatistics:
        return OidQuery(Adapter, NdisRequest);
    case NdisRequestSetInformation:
        return OidSet(Adapter, NdisRequest);
    default:
        return NDIS_STATUS_NOT_SUPPORTED;
    }
}

/*
 * MINIPORT_CANCEL_OID_REQUEST: a receive filter that waits for the device is taken back. A change of power is short and must not fail
 * (PWR-02): it is let finish. IRQL: <= DISPATCH_LEVEL.
 */
VOID NTAPI AerovnetMiniportCancelOidRequest(NDIS_HANDLE MiniportAdapterContext, PVOID RequestId)
{
    AerovnetControlCancel((PAEROVNET_ADAPTER)MiniportAdapterContext, RequestId);
}
