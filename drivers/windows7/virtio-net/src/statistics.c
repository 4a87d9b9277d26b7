/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* statistics.c - sums the counters of both directions up as NDIS asks for them. */
#include "statistics.h"
#include "adapter.h"

static ULONG64 Sum(const ULONG64 Classes[AEROVNET_CLASS_COUNT])
{
    return Classes[FRAME_DIRECTED] + Classes[FRAME_MULTICAST] + Classes[FRAME_BROADCAST];
}

static VOID ReceiveQuery(PAEROVNET_ADAPTER Adapter, PNDIS_STATISTICS_INFO Info)
{
    const AEROVNET_RX_COUNTERS *Counters = &Adapter->Rx.Counters;

    NdisAcquireSpinLock(&Adapter->Rx.Lock);
    Info->ifHCInUcastPkts = Counters->Indicated.Frames[FRAME_DIRECTED];
    Info->ifHCInMulticastPkts = Counters->Indicated.Frames[FRAME_MULTICAST];
    Info->ifHCInBroadcastPkts = Counters->Indicated.Frames[FRAME_BROADCAST];
    Info->ifHCInUcastOctets = Counters->Indicated.Bytes[FRAME_DIRECTED];
    Info->ifHCInMulticastOctets = Counters->Indicated.Bytes[FRAME_MULTICAST];
    Info->ifHCInBroadcastOctets = Counters->Indicated.Bytes[FRAME_BROADCAST];
    Info->ifHCInOctets = Sum(Counters->Indicated.Bytes);
    Info->ifInErrors = Counters->Short + Counters->Long + Counters->Malformed + Counters->Segmented + Counters->BadChecksumFields;
    Info->ifInDiscards = Counters->NotRunning; /* frames: NoBuffer counts events, and a device without a buffer may keep its frame */
    NdisReleaseSpinLock(&Adapter->Rx.Lock);
}

static VOID TransmitQuery(PAEROVNET_ADAPTER Adapter, PNDIS_STATISTICS_INFO Info)
{
    const AEROVNET_TX_COUNTERS *Counters = &Adapter->Tx.Counters;

    NdisAcquireSpinLock(&Adapter->Tx.Lock);
    Info->ifHCOutUcastPkts = Counters->Sent.Frames[FRAME_DIRECTED];
    Info->ifHCOutMulticastPkts = Counters->Sent.Frames[FRAME_MULTICAST];
    Info->ifHCOutBroadcastPkts = Counters->Sent.Frames[FRAME_BROADCAST];
    Info->ifHCOutUcastOctets = Counters->Sent.Bytes[FRAME_DIRECTED];
    Info->ifHCOutMulticastOctets = Counters->Sent.Bytes[FRAME_MULTICAST];
    Info->ifHCOutBroadcastOctets = Counters->Sent.Bytes[FRAME_BROADCAST];
    Info->ifHCOutOctets = Sum(Counters->Sent.Bytes);
    Info->ifOutErrors = Counters->BadLength + Counters->NotDescribed + Counters->NotLarge;
    Info->ifOutDiscards = Counters->NotMapped + Counters->Aborted;
    NdisReleaseSpinLock(&Adapter->Tx.Lock);
}

VOID AerovnetStatisticsQuery(PAEROVNET_ADAPTER Adapter, PNDIS_STATISTICS_INFO Info)
{
    NdisZeroMemory(Info, sizeof *Info);
    Info->Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    Info->Header.Revision = NDIS_STATISTICS_INFO_REVISION_1;
    Info->Header.Size = NDIS_SIZEOF_STATISTICS_INFO_REVISION_1;
    Info->SupportedStatistics = AEROVNET_STATISTICS_VALID;
    ReceiveQuery(Adapter, Info);
    TransmitQuery(Adapter, Info);
}
