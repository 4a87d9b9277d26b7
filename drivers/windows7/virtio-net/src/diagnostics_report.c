/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* diagnostics_report.c - fills the structures of the diagnostics interface from where each number is kept. */
#include "adapter.h"
#include "aero_virtio_net_diag.h"
#include "diagnostics.h"
#include "virtio_net_spec.h"
#include "virtio_spec.h"

static AEROVNET_DIAG_U8 IsSet(ULONG64 Bits, ULONG64 Mask)
{
    return (AEROVNET_DIAG_U8)((Bits & Mask) != 0);
}

static AEROVNET_DIAG_U8 HasFeature(PAEROVNET_ADAPTER Adapter, ULONG Bit)
{
    return IsSet(Adapter->Device.Profile.features, VIRTIO_BIT(Bit));
}

/* ---- interrupts ---- */

/* As programmed; where nobody else is using the selectors, as the device has them now. */
static VOID ReportVectors(PAEROVNET_ADAPTER Adapter, AEROVNET_DIAG_INFO *Info)
{
    struct virtio_pci_modern *Transport = &Adapter->Device.Transport;

    Info->MsixConfigVector = AerovnetInterruptVector(Adapter, AerovnetRoleConfig);
    Info->MsixRxVector = AerovnetInterruptVector(Adapter, AerovnetRoleReceive);
    Info->MsixTxVector = AerovnetInterruptVector(Adapter, AerovnetRoleTransmit);
    if (KeGetCurrentIrql() != PASSIVE_LEVEL || !AerovnetDeviceTrySelectors(Adapter)) {
        return;
    }
    if (!AerovnetIsOutOfReach(Adapter)) {
        Info->MsixConfigVector = virtio_pci_modern_config_vector(Transport);
        Info->MsixRxVector = virtio_pci_modern_queue_vector(Transport, VIRTIO_NET_QUEUE_RECEIVE);
        Info->MsixTxVector = virtio_pci_modern_queue_vector(Transport, VIRTIO_NET_QUEUE_TRANSMIT);
    }
    AerovnetDeviceLeaveSelectors(Adapter);
}

static VOID ReportInterrupts(PAEROVNET_ADAPTER Adapter, AEROVNET_DIAG_INFO *Info)
{
    PAEROVNET_INTERRUPTS Interrupts = &Adapter->Interrupts;

    ReportVectors(Adapter, Info);
    Info->MessageCount = Interrupts->MessageCount;
    Info->InterruptMode = Interrupts->Messages || Info->MsixConfigVector != VIRTIO_MSI_NO_VECTOR ||
                                  Info->MsixRxVector != VIRTIO_MSI_NO_VECTOR || Info->MsixTxVector != VIRTIO_MSI_NO_VECTOR
                              ? AEROVNET_DIAG_INTERRUPT_MESSAGES
                              : AEROVNET_DIAG_INTERRUPT_LINE;
    Info->InterruptCountVector0 = (ULONG)Interrupts->InterruptCounts[0];
    Info->InterruptCountVector1 = (ULONG)Interrupts->InterruptCounts[1];
    Info->InterruptCountVector2 = (ULONG)Interrupts->InterruptCounts[2];
    Info->DpcCountVector0 = (ULONG)Interrupts->DpcCounts[0];
    Info->DpcCountVector1 = (ULONG)Interrupts->DpcCounts[1];
    Info->DpcCountVector2 = (ULONG)Interrupts->DpcCounts[2];
}

/* ---- life ---- */

static VOID ReportState(PAEROVNET_ADAPTER Adapter, AEROVNET_DIAG_INFO *Info)
{
    AEROVNET_STATE State;

    NdisAcquireSpinLock(&Adapter->State.Lock);
    State = Adapter->State.Current;
    Info->LinkUp = (AEROVNET_DIAG_U8)(Adapter->Link.Told.State == MediaConnectStateConnected);
    NdisReleaseSpinLock(&Adapter->State.Lock);
    if (Adapter->Interrupts.Messages) {
        Info->Flags |= AEROVNET_DIAG_FLAG_USE_MSIX;
        Info->Flags |= Adapter->Interrupts.Separate ? 0 : AEROVNET_DIAG_FLAG_MSIX_ALL_ON_VECTOR0;
    }
    Info->Flags |= Adapter->Interrupts.VectorRefused ? AEROVNET_DIAG_FLAG_MSIX_VECTOR_PROGRAMMING_FAILED : 0;
    Info->Flags |= AerovnetIsRemoved(Adapter) ? AEROVNET_DIAG_FLAG_SURPRISE_REMOVED : 0;
    Info->Flags |= State == AerovnetStateRunning ? AEROVNET_DIAG_FLAG_ADAPTER_RUNNING : 0;
    Info->Flags |= State == AerovnetStatePaused ? AEROVNET_DIAG_FLAG_ADAPTER_PAUSED : 0;
}

/* ---- queues ---- */

/* Of the queue's whole life. Locks: the user's held. */
static ULONG QueueErrors(PAEROVNET_QUEUE Queue)
{
    ULONG Errors = Queue->Errors | AerovnetQueueErrorOf(Queue);

    /* An id of something that the device did not have is as wrong as one that is out of range. */
    return (Errors & AEROVNET_DIAG_VQ_ERROR_USED_ID_IDLE) != 0 ? Errors | AEROVNET_DIAG_VQ_ERROR_USED_ID : Errors;
}

/* The device's; where the ring is not in use it may just be rebuilt, and its memory is not looked at. Locks: the user's held. */
static USHORT UsedIndex(PAEROVNET_QUEUE Queue)
{
    return Queue->Live ? virtqueue_split_device_used_index(&Queue->Ring) : Queue->Ring.used_index;
}

static VOID ReportQueues(PAEROVNET_ADAPTER Adapter, AEROVNET_DIAG_INFO *Info)
{
    PAEROVNET_QUEUE Queue = &Adapter->Rx.Queue;

    NdisAcquireSpinLock(&Adapter->Rx.Lock);
    Info->RxQueueSize = Queue->Size;
    Info->RxAvailIdx = Queue->Ring.published_index;
    Info->RxUsedIdx = UsedIndex(Queue);
    Info->RxVqErrorFlags = QueueErrors(Queue);
    Info->RxBuffersDrained = Adapter->Rx.Reaped;
    Info->StatRxNoBuffers = Adapter->Rx.Counters.NoBuffer;
    NdisReleaseSpinLock(&Adapter->Rx.Lock);

    Queue = &Adapter->Tx.Queue;
    NdisAcquireSpinLock(&Adapter->Tx.Lock);
    Info->TxQueueSize = Queue->Size;
    Info->TxAvailIdx = Queue->Ring.published_index;
    Info->TxUsedIdx = UsedIndex(Queue);
    Info->TxVqErrorFlags = QueueErrors(Queue);
    Info->TxBuffersDrained = Adapter->Tx.Reaped;
    NdisReleaseSpinLock(&Adapter->Tx.Lock);
}

/* The control queue, as long as the device has one that is worth the name. */
static VOID ReportControlQueue(PAEROVNET_ADAPTER Adapter, AEROVNET_DIAG_INFO *Info)
{
    PAEROVNET_QUEUE Queue = &Adapter->Control.Queue.Queue;
    AEROVNET_COMMAND_COUNTERS Counters;

    AerovnetControlQueueCounters(Adapter, &Counters);
    Info->CtrlCmdSent = Counters.Sent;
    Info->CtrlCmdOk = Counters.Ok;
    Info->CtrlCmdErr = Counters.Err;
    Info->CtrlCmdTimeout = Counters.Timeout;
    /* Its one user does not lock: words that are read while it works are those before or after. */
    Info->CtrlVqQueueIndex = Queue->Index;
    Info->CtrlVqQueueSize = Queue->Size;
    Info->CtrlVqErrorFlags = QueueErrors(Queue);
}

/* ---- features, offloads, totals ---- */

static VOID ReportFeatures(PAEROVNET_ADAPTER Adapter, AEROVNET_DIAG_INFO *Info)
{
    ULONG Supported = Adapter->Offload.Supported;
    ULONG Enabled = AerovnetOffloadEnabled(&Adapter->Offload);

    Info->HostFeatures = Adapter->Device.Offered;
    Info->GuestFeatures = Adapter->Device.Profile.features;
    Info->TxChecksumSupported = HasFeature(Adapter, VIRTIO_NET_F_CSUM);
    Info->TxTsoV4Supported = IsSet(Supported, AEROVNET_OFFLOAD_LARGE_SEND4);
    Info->TxTsoV6Supported = IsSet(Supported, AEROVNET_OFFLOAD_LARGE_SEND6);
    Info->TxChecksumV4Enabled = IsSet(Enabled, AEROVNET_OFFLOAD_TX_TCP4);
    Info->TxChecksumV6Enabled = IsSet(Enabled, AEROVNET_OFFLOAD_TX_TCP6);
    Info->TxUdpChecksumV4Enabled = IsSet(Enabled, AEROVNET_OFFLOAD_TX_UDP4);
    Info->TxUdpChecksumV6Enabled = IsSet(Enabled, AEROVNET_OFFLOAD_TX_UDP6);
    Info->TxTsoV4Enabled = IsSet(Enabled, AEROVNET_OFFLOAD_LARGE_SEND4);
    Info->TxTsoV6Enabled = IsSet(Enabled, AEROVNET_OFFLOAD_LARGE_SEND6);
    Info->TxTsoMaxOffloadSize =
        (Supported & (AEROVNET_OFFLOAD_LARGE_SEND4 | AEROVNET_OFFLOAD_LARGE_SEND6)) != 0 ? AEROVNET_LARGE_SEND_MAXIMUM : 0;
    Info->CtrlVqNegotiated = HasFeature(Adapter, VIRTIO_NET_F_CTRL_VQ);
    Info->CtrlRxNegotiated = HasFeature(Adapter, VIRTIO_NET_F_CTRL_RX);
    Info->CtrlVlanNegotiated = HasFeature(Adapter, VIRTIO_NET_F_CTRL_VLAN);
    Info->CtrlMacAddrNegotiated = HasFeature(Adapter, VIRTIO_NET_F_CTRL_MAC_ADDR);
}

static VOID ReportTotals(PAEROVNET_ADAPTER Adapter, AEROVNET_DIAG_INFO *Info)
{
    NDIS_STATISTICS_INFO Statistics;

    AerovnetStatisticsQuery(Adapter, &Statistics);
    Info->StatTxPackets = Statistics.ifHCOutUcastPkts + Statistics.ifHCOutMulticastPkts + Statistics.ifHCOutBroadcastPkts;
    Info->StatTxBytes = Statistics.ifHCOutOctets;
    Info->StatTxErrors = Statistics.ifOutErrors;
    Info->StatRxPackets = Statistics.ifHCInUcastPkts + Statistics.ifHCInMulticastPkts + Statistics.ifHCInBroadcastPkts;
    Info->StatRxBytes = Statistics.ifHCInOctets;
    Info->StatRxErrors = Statistics.ifInErrors;
}

/* IRQL: PASSIVE_LEVEL. Locks: takes TxLock. */
static VOID CopySendChecksums(PAEROVNET_ADAPTER Adapter, ULONG64 ByDevice[AEROVNET_PROTOCOL_COUNT],
                              ULONG64 BySoftware[AEROVNET_PROTOCOL_COUNT])
{
    NdisAcquireSpinLock(&Adapter->Tx.Lock);
    NdisMoveMemory(ByDevice, Adapter->Tx.Counters.ChecksumByDevice, sizeof Adapter->Tx.Counters.ChecksumByDevice);
    NdisMoveMemory(BySoftware, Adapter->Tx.Counters.ChecksumBySoftware, sizeof Adapter->Tx.Counters.ChecksumBySoftware);
    NdisReleaseSpinLock(&Adapter->Tx.Lock);
}

static VOID ReportSendChecksums(PAEROVNET_ADAPTER Adapter, AEROVNET_DIAG_INFO *Info)
{
    ULONG64 ByDevice[AEROVNET_PROTOCOL_COUNT], BySoftware[AEROVNET_PROTOCOL_COUNT];

    CopySendChecksums(Adapter, ByDevice, BySoftware);
    Info->StatTxTcpCsumOffload = ByDevice[AERO_OFFLOAD_TCP4] + ByDevice[AERO_OFFLOAD_TCP6];
    Info->StatTxTcpCsumFallback = BySoftware[AERO_OFFLOAD_TCP4] + BySoftware[AERO_OFFLOAD_TCP6];
    Info->StatTxUdpCsumOffload = ByDevice[AERO_OFFLOAD_UDP4] + ByDevice[AERO_OFFLOAD_UDP6];
    Info->StatTxUdpCsumFallback = BySoftware[AERO_OFFLOAD_UDP4] + BySoftware[AERO_OFFLOAD_UDP6];
}

VOID AerovnetReportInfo(PAEROVNET_ADAPTER Adapter, AEROVNET_DIAG_INFO *Info)
{
    Info->Version = AEROVNET_DIAG_INFO_VERSION;
    Info->Size = sizeof *Info;
    ReportFeatures(Adapter, Info);
    ReportInterrupts(Adapter, Info);
    ReportState(Adapter, Info);
    ReportQueues(Adapter, Info);
    ReportControlQueue(Adapter, Info);
    ReportTotals(Adapter, Info);
    ReportSendChecksums(Adapter, Info);
    NdisMoveMemory(Info->PermanentMac, Adapter->Device.Mac, sizeof Info->PermanentMac);
    NdisMoveMemory(Info->CurrentMac, Adapter->StationAddress, sizeof Info->CurrentMac);
}

VOID AerovnetReportOffload(PAEROVNET_ADAPTER Adapter, AEROVNET_OFFLOAD_STATS *Stats)
{
    ULONG64 ByDevice[AEROVNET_PROTOCOL_COUNT], BySoftware[AEROVNET_PROTOCOL_COUNT];

    CopySendChecksums(Adapter, ByDevice, BySoftware);
    Stats->TxCsumOffloadTcp4 = ByDevice[AERO_OFFLOAD_TCP4];
    Stats->TxCsumOffloadTcp6 = ByDevice[AERO_OFFLOAD_TCP6];
    Stats->TxCsumOffloadUdp4 = ByDevice[AERO_OFFLOAD_UDP4];
    Stats->TxCsumOffloadUdp6 = ByDevice[AERO_OFFLOAD_UDP6];
    Stats->TxCsumFallback =
        BySoftware[AERO_OFFLOAD_TCP4] + BySoftware[AERO_OFFLOAD_TCP6] + BySoftware[AERO_OFFLOAD_UDP4] + BySoftware[AERO_OFFLOAD_UDP6];
    NdisAcquireSpinLock(&Adapter->Rx.Lock);
    Stats->RxCsumValidatedTcp4 = Adapter->Rx.Counters.Tcp4Validated;
    Stats->RxCsumValidatedTcp6 = Adapter->Rx.Counters.Tcp6Validated;
    Stats->RxCsumValidatedUdp4 = Adapter->Rx.Counters.Udp4Validated;
    Stats->RxCsumValidatedUdp6 = Adapter->Rx.Counters.Udp6Validated;
    NdisReleaseSpinLock(&Adapter->Rx.Lock);
    Stats->Version = AEROVNET_OFFLOAD_STATS_VERSION;
    Stats->Size = sizeof *Stats;
    NdisMoveMemory(Stats->Mac, Adapter->StationAddress, sizeof Stats->Mac);
    Stats->HostFeatures = Adapter->Device.Offered;
    Stats->GuestFeatures = Adapter->Device.Profile.features;
}

/* ---- counters by cause ---- */

static VOID ReportRecovery(PAEROVNET_ADAPTER Adapter, AEROVNET_DIAG_COUNTERS *Counters)
{
    PAEROVNET_RECOVERY Recovery = &Adapter->Recovery;
    ULONG Cause;

    NdisAcquireSpinLock(&Adapter->State.Lock);
    Counters->LastResetCause = (ULONG)Recovery->LastCause;
    if (Recovery->LastCause != AerovnetResetNone) {
        Counters->LastResetAgeMs = AerovnetUpTime() - Recovery->LastResetTime;
    }
    for (Cause = 0; Cause < AEROVNET_DIAG_RESET_CAUSES; Cause++) {
        Counters->ResetsByCause[Cause] = Recovery->CauseCounts[Cause];
    }
    NdisReleaseSpinLock(&Adapter->State.Lock);
}

static VOID ReportReceiveDrops(PAEROVNET_ADAPTER Adapter, AEROVNET_DIAG_COUNTERS *Counters)
{
    const AEROVNET_RX_COUNTERS *Rx = &Adapter->Rx.Counters;

    NdisAcquireSpinLock(&Adapter->Rx.Lock);
    Counters->ReceivesPosted = virtqueue_split_outstanding(&Adapter->Rx.Queue.Ring);
    Counters->RxRingEmpty = Rx->NoBuffer;
    Counters->RxLowBatches = Rx->LowBatches;
    Counters->RxDroppedShort = Rx->Short;
    Counters->RxDroppedLong = Rx->Long;
    Counters->RxDroppedMalformed = Rx->Malformed;
    Counters->RxDroppedFilter = Rx->NotWanted;
    Counters->RxDroppedNotRunning = Rx->NotRunning;
    Counters->RxDroppedSegmented = Rx->Segmented;
    Counters->RxDroppedChecksum = Rx->BadChecksumFields;
    Counters->RxDroppedVlan = Rx->ForeignVlan;
    Counters->RxCsumCompleted = Rx->Completed;
    NdisReleaseSpinLock(&Adapter->Rx.Lock);
}

static VOID ReportTransmitDrops(PAEROVNET_ADAPTER Adapter, AEROVNET_DIAG_COUNTERS *Counters)
{
    const AEROVNET_TX_COUNTERS *Tx = &Adapter->Tx.Counters;

    NdisAcquireSpinLock(&Adapter->Tx.Lock);
    Counters->SendsWithDevice = virtqueue_split_outstanding(&Adapter->Tx.Queue.Ring);
    Counters->OldestSendMs = AerovnetTxOldestAge(&Adapter->Tx);
    Counters->TxRingFull = Tx->Queued;
    Counters->TxCopied = Tx->Copied;
    Counters->TxDroppedLength = Tx->BadLength;
    Counters->TxDroppedDescription = Tx->NotDescribed;
    Counters->TxDroppedMemory = Tx->NotMapped;
    Counters->TxDroppedAborted = Tx->Aborted;
    Counters->TxCancelled = Tx->Cancelled;
    Counters->TxDroppedLarge = Tx->NotLarge;
    Counters->TxLargeByDevice = Tx->SegmentedByDevice;
    Counters->TxLargeBySoftware = Tx->SegmentedBySoftware;
    Counters->TxIpChecksums = Tx->NetworkChecksums;
    Counters->TxNotSummed = Tx->NotSummed;
    Counters->TxTagged = Tx->Tagged;
    NdisReleaseSpinLock(&Adapter->Tx.Lock);
}

VOID AerovnetReportCounters(PAEROVNET_ADAPTER Adapter, AEROVNET_DIAG_COUNTERS *Counters)
{
    Counters->Version = AEROVNET_DIAG_COUNTERS_VERSION;
    Counters->Size = sizeof *Counters;
    NdisMoveMemory(Counters->Mac, Adapter->StationAddress, sizeof Counters->Mac);
    Counters->LongestDpcMicroseconds = AerovnetInterruptLongestDpc(Adapter);
    ReportRecovery(Adapter, Counters);
    ReportReceiveDrops(Adapter, Counters);
    ReportTransmitDrops(Adapter, Counters);
}
