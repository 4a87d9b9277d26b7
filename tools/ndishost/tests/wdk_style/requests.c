/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* requests.c - OID requests. */
#include "hub.h"

static const NDIS_OID SupportedOids[] = {
    OID_GEN_STATISTICS,
    OID_GEN_XMIT_OK,
    OID_GEN_RCV_OK,
    OID_GEN_XMIT_ERROR,
    OID_GEN_RCV_ERROR,
    OID_GEN_RCV_NO_BUFFER,
    OID_GEN_HARDWARE_STATUS,
    OID_GEN_MAXIMUM_FRAME_SIZE,
    OID_GEN_MAXIMUM_TOTAL_SIZE,
    OID_GEN_TRANSMIT_BUFFER_SPACE,
    OID_GEN_RECEIVE_BUFFER_SPACE,
    OID_GEN_TRANSMIT_BLOCK_SIZE,
    OID_GEN_RECEIVE_BLOCK_SIZE,
    OID_GEN_VENDOR_ID,
    OID_GEN_VENDOR_DESCRIPTION,
    OID_GEN_VENDOR_DRIVER_VERSION,
    OID_GEN_CURRENT_PACKET_FILTER,
    OID_GEN_CURRENT_LOOKAHEAD,
    OID_GEN_INTERRUPT_MODERATION,
    OID_GEN_LINK_PARAMETERS,
    OID_802_3_PERMANENT_ADDRESS,
    OID_802_3_CURRENT_ADDRESS,
    OID_802_3_MULTICAST_LIST,
    OID_802_3_MAXIMUM_LIST_SIZE,
    OID_PNP_SET_POWER,
    OID_PNP_QUERY_POWER,
};
static const CHAR Description[] = "Software hub in the style of a driver kit's sample";

ULONG HubOids(const NDIS_OID **List)
{
    *List = SupportedOids;
    return sizeof SupportedOids / sizeof SupportedOids[0];
}

/* ---- answers ---- */

typedef struct _HUB_ANSWER {
    union {
        ULONG Number;
        ULONG64 Counter;
        NDIS_STATISTICS_INFO Statistics;
        NDIS_INTERRUPT_MODERATION_PARAMETERS Moderation;
        UCHAR Bytes[HUB_MULTICAST_MAX * 6];
    } u;
    ULONG Length;
    BOOLEAN IsCounter; /* 4 or 8 bytes, as the caller's buffer has room */
} HUB_ANSWER, *PHUB_ANSWER;

static ULONG64 HubSum(const ULONG64 *Counters)
{
    return Counters[0] + Counters[1] + Counters[2];
}

static VOID HubStatistics(PHUB_ADAPTER Adapter, NDIS_STATISTICS_INFO *Info)
{
    NdisZeroMemory(Info, sizeof *Info);
    Info->Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    Info->Header.Revision = NDIS_STATISTICS_INFO_REVISION_1;
    Info->Header.Size = NDIS_SIZEOF_STATISTICS_INFO_REVISION_1;
    Info->SupportedStatistics = NDIS_STATISTICS_FLAGS_VALID_DIRECTED_FRAMES_RCV | NDIS_STATISTICS_FLAGS_VALID_MULTICAST_FRAMES_RCV |
                                NDIS_STATISTICS_FLAGS_VALID_BROADCAST_FRAMES_RCV | NDIS_STATISTICS_FLAGS_VALID_BYTES_RCV |
                                NDIS_STATISTICS_FLAGS_VALID_RCV_DISCARDS | NDIS_STATISTICS_FLAGS_VALID_RCV_ERROR |
                                NDIS_STATISTICS_FLAGS_VALID_DIRECTED_FRAMES_XMIT | NDIS_STATISTICS_FLAGS_VALID_MULTICAST_FRAMES_XMIT |
                                NDIS_STATISTICS_FLAGS_VALID_BROADCAST_FRAMES_XMIT | NDIS_STATISTICS_FLAGS_VALID_BYTES_XMIT |
                                NDIS_STATISTICS_FLAGS_VALID_XMIT_ERROR | NDIS_STATISTICS_FLAGS_VALID_XMIT_DISCARDS |
                                NDIS_STATISTICS_FLAGS_VALID_DIRECTED_BYTES_RCV | NDIS_STATISTICS_FLAGS_VALID_MULTICAST_BYTES_RCV |
                                NDIS_STATISTICS_FLAGS_VALID_BROADCAST_BYTES_RCV | NDIS_STATISTICS_FLAGS_VALID_DIRECTED_BYTES_XMIT |
                                NDIS_STATISTICS_FLAGS_VALID_MULTICAST_BYTES_XMIT | NDIS_STATISTICS_FLAGS_VALID_BROADCAST_BYTES_XMIT;
    NdisAcquireSpinLock(&Adapter->Lock);
    Info->ifInDiscards = Adapter->NoBuffer;
    Info->ifHCInOctets = HubSum(Adapter->BytesIn);
    Info->ifHCInUcastPkts = Adapter->FramesIn[0];
    Info->ifHCInMulticastPkts = Adapter->FramesIn[1];
    Info->ifHCInBroadcastPkts = Adapter->FramesIn[2];
    Info->ifHCInUcastOctets = Adapter->BytesIn[0];
    Info->ifHCInMulticastOctets = Adapter->BytesIn[1];
    Info->ifHCInBroadcastOctets = Adapter->BytesIn[2];
    Info->ifHCOutOctets = HubSum(Adapter->BytesOut);
    Info->ifHCOutUcastPkts = Adapter->FramesOut[0];
    Info->ifHCOutMulticastPkts = Adapter->FramesOut[1];
    Info->ifHCOutBroadcastPkts = Adapter->FramesOut[2];
    Info->ifHCOutUcastOctets = Adapter->BytesOut[0];
    Info->ifHCOutMulticastOctets = Adapter->BytesOut[1];
    Info->ifHCOutBroadcastOctets = Adapter->BytesOut[2];
    NdisReleaseSpinLock(&Adapter->Lock);
}

static VOID HubCounter(PHUB_ADAPTER Adapter, NDIS_OID Oid, PHUB_ANSWER Answer)
{
    Answer->IsCounter = TRUE;
    Answer->Length = sizeof Answer->u.Counter;
    NdisAcquireSpinLock(&Adapter->Lock);
    Answer->u.Counter = Oid == OID_GEN_XMIT_OK         ? HubSum(Adapter->FramesOut)
                        : Oid == OID_GEN_RCV_OK        ? HubSum(Adapter->FramesIn)
                        : Oid == OID_GEN_RCV_NO_BUFFER ? Adapter->NoBuffer
                                                       : 0;
    NdisReleaseSpinLock(&Adapter->Lock);
}

static VOID HubModeration(PHUB_ANSWER Answer)
{
    NDIS_INTERRUPT_MODERATION_PARAMETERS *Moderation = &Answer->u.Moderation;

    Moderation->Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    Moderation->Header.Revision = NDIS_INTERRUPT_MODERATION_PARAMETERS_REVISION_1;
    Moderation->Header.Size = NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1;
    Moderation->InterruptModeration = NdisInterruptModerationNotSupported;
    Answer->Length = NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1;
}

static NDIS_STATUS HubAnswer(PHUB_ADAPTER Adapter, NDIS_OID Oid, PHUB_ANSWER Answer)
{
    NdisZeroMemory(Answer, sizeof *Answer);
    Answer->Length = sizeof Answer->u.Number;
    switch (Oid) {
    case OID_GEN_STATISTICS:
        HubStatistics(Adapter, &Answer->u.Statistics);
        Answer->Length = NDIS_SIZEOF_STATISTICS_INFO_REVISION_1;
        break;
    case OID_GEN_XMIT_OK:
    case OID_GEN_RCV_OK:
    case OID_GEN_XMIT_ERROR:
    case OID_GEN_RCV_ERROR:
    case OID_GEN_RCV_NO_BUFFER:
        HubCounter(Adapter, Oid, Answer);
        break;
    case OID_GEN_HARDWARE_STATUS:
        Answer->u.Number = NdisHardwareStatusReady;
        break;
    case OID_GEN_MAXIMUM_FRAME_SIZE:
        Answer->u.Number = HUB_MTU;
        break;
    case OID_GEN_MAXIMUM_TOTAL_SIZE:
    case OID_GEN_TRANSMIT_BLOCK_SIZE:
    case OID_GEN_RECEIVE_BLOCK_SIZE:
        Answer->u.Number = HUB_FRAME_MAXIMUM;
        break;
    case OID_GEN_TRANSMIT_BUFFER_SPACE:
    case OID_GEN_RECEIVE_BUFFER_SPACE:
        Answer->u.Number = HUB_RECEIVES * HUB_FRAME_MAXIMUM;
        break;
    case OID_GEN_VENDOR_ID:
        Answer->u.Number = 0x00FFFFFF;
        break;
    case OID_GEN_VENDOR_DESCRIPTION:
        Answer->Length = sizeof Description;
        NdisMoveMemory(Answer->u.Bytes, Description, sizeof Description);
        break;
    case OID_GEN_VENDOR_DRIVER_VERSION:
        Answer->u.Number = 0x00010000;
        break;
    case OID_GEN_CURRENT_PACKET_FILTER:
        Answer->u.Number = Adapter->PacketFilter;
        break;
    case OID_GEN_CURRENT_LOOKAHEAD:
        Answer->u.Number = Adapter->Lookahead ? Adapter->Lookahead : HUB_FRAME_MAXIMUM;
        break;
    case OID_GEN_INTERRUPT_MODERATION:
        HubModeration(Answer);
        break;
    case OID_802_3_PERMANENT_ADDRESS:
    case OID_802_3_CURRENT_ADDRESS:
        Answer->Length = 6;
        NdisMoveMemory(Answer->u.Bytes, Oid == OID_802_3_PERMANENT_ADDRESS ? Adapter->PermanentAddress : Adapter->Address, 6);
        break;
    case OID_802_3_MAXIMUM_LIST_SIZE:
        Answer->u.Number = HUB_MULTICAST_MAX;
        break;
    case OID_802_3_MULTICAST_LIST:
        Answer->Length = Adapter->MulticastCount * 6;
        NdisMoveMemory(Answer->u.Bytes, Adapter->Multicast, Answer->Length);
        break;
    case OID_PNP_QUERY_POWER:
        Answer->Length = 0;
        break;
    default:
        return NDIS_STATUS_NOT_SUPPORTED;
    }
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS HubQuery(PHUB_ADAPTER Adapter, PNDIS_OID_REQUEST Request)
{
    HUB_ANSWER Answer;
    ULONG Room = Request->DATA.QUERY_INFORMATION.InformationBufferLength;
    NDIS_STATUS Status = HubAnswer(Adapter, Request->DATA.QUERY_INFORMATION.Oid, &Answer);

    Request->DATA.QUERY_INFORMATION.BytesWritten = 0;
    if (Status != NDIS_STATUS_SUCCESS) {
        return Status;
    }
    if (Answer.IsCounter && Room < sizeof(ULONG64)) {
        Request->DATA.QUERY_INFORMATION.BytesNeeded = sizeof(ULONG64);
        Answer.Length = sizeof(ULONG);
    } else if (Room < Answer.Length) {
        Request->DATA.QUERY_INFORMATION.BytesNeeded = Answer.Length;
    }
    if (Room < Answer.Length) {
        return NDIS_STATUS_BUFFER_TOO_SHORT;
    }
    NdisMoveMemory(Request->DATA.QUERY_INFORMATION.InformationBuffer, &Answer.u, Answer.Length);
    Request->DATA.QUERY_INFORMATION.BytesWritten = Answer.Length;
    return NDIS_STATUS_SUCCESS;
}

/* ---- settings ---- */

static NDIS_STATUS HubSetMulticast(PHUB_ADAPTER Adapter, const UCHAR *Bytes, ULONG Length, UINT *Needed)
{
    if (Length % 6 != 0) {
        *Needed = Length - Length % 6;
        return NDIS_STATUS_INVALID_LENGTH;
    }
    if (Length > sizeof Adapter->Multicast) {
        *Needed = sizeof Adapter->Multicast;
        return NDIS_STATUS_MULTICAST_FULL;
    }
    NdisAcquireSpinLock(&Adapter->Lock);
    NdisMoveMemory(Adapter->Multicast, Bytes, Length);
    Adapter->MulticastCount = Length / 6;
    NdisReleaseSpinLock(&Adapter->Lock);
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS HubSetNumber(PHUB_ADAPTER Adapter, NDIS_OID Oid, ULONG Number)
{
    NDIS_STATUS Status = NDIS_STATUS_SUCCESS;

    NdisAcquireSpinLock(&Adapter->Lock);
    if (Oid == OID_GEN_CURRENT_PACKET_FILTER && (Number & ~(ULONG)HUB_FILTERS) != 0) {
        Status = NDIS_STATUS_NOT_SUPPORTED;
    } else if (Oid == OID_GEN_CURRENT_PACKET_FILTER) {
        Adapter->PacketFilter = Number;
    } else if (Oid == OID_GEN_CURRENT_LOOKAHEAD && Number > HUB_FRAME_MAXIMUM) {
        Status = NDIS_STATUS_INVALID_DATA;
    } else if (Oid == OID_GEN_CURRENT_LOOKAHEAD) {
        Adapter->Lookahead = Number;
    }
    NdisReleaseSpinLock(&Adapter->Lock);
    return Status;
}

static NDIS_STATUS HubSet(PHUB_ADAPTER Adapter, PNDIS_OID_REQUEST Request)
{
    const UCHAR *Bytes = (const UCHAR *)Request->DATA.SET_INFORMATION.InformationBuffer;
    ULONG Length = Request->DATA.SET_INFORMATION.InformationBufferLength, Least = sizeof(ULONG), Number;
    NDIS_OID Oid = Request->DATA.SET_INFORMATION.Oid;
    NDIS_STATUS Status;

    Request->DATA.SET_INFORMATION.BytesRead = 0;
    switch (Oid) {
    case OID_802_3_MULTICAST_LIST:
        Status = HubSetMulticast(Adapter, Bytes, Length, &Request->DATA.SET_INFORMATION.BytesNeeded);
        Request->DATA.SET_INFORMATION.BytesRead = Status == NDIS_STATUS_SUCCESS ? Length : 0;
        return Status;
    case OID_GEN_CURRENT_PACKET_FILTER:
    case OID_GEN_CURRENT_LOOKAHEAD:
    case OID_PNP_SET_POWER:
        break;
    case OID_GEN_INTERRUPT_MODERATION:
        Least = NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1;
        break;
    case OID_GEN_LINK_PARAMETERS:
        Least = NDIS_SIZEOF_LINK_PARAMETERS_REVISION_1;
        break;
    default:
        return NDIS_STATUS_NOT_SUPPORTED;
    }
    if (Length < Least) {
        Request->DATA.SET_INFORMATION.BytesNeeded = Least;
        return NDIS_STATUS_INVALID_LENGTH;
    }
    NdisMoveMemory(&Number, Bytes, sizeof Number);
    Status = Oid == OID_GEN_INTERRUPT_MODERATION ? NDIS_STATUS_INVALID_DATA : HubSetNumber(Adapter, Oid, Number);
    Request->DATA.SET_INFORMATION.BytesRead = Status == NDIS_STATUS_SUCCESS ? Least : 0;
    return Status;
}

/* MINIPORT_OID_REQUEST: everything is answered at once. IRQL <= DISPATCH_LEVEL. */
NDIS_STATUS NTAPI HubOidRequest(NDIS_HANDLE Context, PNDIS_OID_REQUEST Request)
{
    PHUB_ADAPTER Adapter = (PHUB_ADAPTER)Context;

    switch (Request->RequestType) {
    case NdisRequestQueryInformation:
    case NdisRequestQueryStatistics:
        return HubQuery(Adapter, Request);
    case NdisRequestSetInformation:
        return HubSet(Adapter, Request);
    default:
        return NDIS_STATUS_NOT_SUPPORTED;
    }
}

/* MINIPORT_DIRECT_OID_REQUEST: there is none that the hub knows. Several at once, beside others. IRQL <= DISPATCH_LEVEL. */
NDIS_STATUS NTAPI HubDirectOidRequest(NDIS_HANDLE Context, PNDIS_OID_REQUEST Request)
{
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Request);
    return NDIS_STATUS_NOT_SUPPORTED;
}

VOID NTAPI HubCancelOidRequest(NDIS_HANDLE Context, PVOID RequestId)
{
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(RequestId);
}
