/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * adapter_life.c - brings an adapter up by a table of steps and takes it down by the same table, backwards: a failed initialisation and a
 * halt are one walk.
 */
#include "adapter_life.h"
#include "adapter.h"
#include "aero_virtio_net.h"
#include "diagnostics.h"
#include "event_log.h"
#include "oids.h"
#include "settings_table.h"
#include "trace.h"
#include "virtio_net_spec.h"

/* The largest transfer that NDIS is asked to map at once (SG-04): a large send. A NET_BUFFER's MDLs may be longer than its frame. */
#define DMA_MAXIMUM_MAPPING 0x11000
/* Between two hang checks; more than an initialisation takes. */
#define HANG_CHECK_SECONDS 4

/* ---- steps ---- */

static NDIS_STATUS RegisterAdapter(PAEROVNET_ADAPTER Adapter)
{
    NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES Attributes;

    NdisZeroMemory(&Attributes, sizeof Attributes);
    Attributes.Header.Type = NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES;
    Attributes.Header.Revision = NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1;
    Attributes.Header.Size = NDIS_SIZEOF_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1;
    Attributes.MiniportAdapterContext = Adapter;
    /* Without NO_HALT_ON_SUSPEND: NDIS halts the adapter before the system sleeps, and initialises it afterwards. */
    Attributes.AttributeFlags =
        NDIS_MINIPORT_ATTRIBUTES_HARDWARE_DEVICE | NDIS_MINIPORT_ATTRIBUTES_BUS_MASTER | NDIS_MINIPORT_ATTRIBUTES_SURPRISE_REMOVE_OK;
    Attributes.CheckForHangTimeInSeconds = HANG_CHECK_SECONDS;
    Attributes.InterfaceType = NdisInterfacePci;
    return NdisMSetMiniportAttributes(Adapter->Handle, (PNDIS_MINIPORT_ADAPTER_ATTRIBUTES)&Attributes);
}

static NDIS_STATUS PrepareObjects(PAEROVNET_ADAPTER Adapter)
{
    NdisAllocateSpinLock(&Adapter->Rx.Lock);
    NdisAllocateSpinLock(&Adapter->Tx.Lock);
    AerovnetStateInitialize(Adapter);
    KeInitializeMutex(&Adapter->Device.Selectors, 0);
    return NDIS_STATUS_SUCCESS;
}

static VOID DisposeObjects(PAEROVNET_ADAPTER Adapter)
{
    UNREFERENCED_PARAMETER(Adapter); /* NDIS 6 has nothing to free in a spin lock */
    NdisFreeSpinLock(&Adapter->State.Lock);
    NdisFreeSpinLock(&Adapter->Tx.Lock);
    NdisFreeSpinLock(&Adapter->Rx.Lock);
}

static NDIS_STATUS ReadSettings(PAEROVNET_ADAPTER Adapter)
{
    return AerovnetConfigurationRead(Adapter);
}

static NDIS_STATUS ReadResources(PAEROVNET_ADAPTER Adapter)
{
    return AerovnetResourcesRead(Adapter->Handle, Adapter->AssignedResources, &Adapter->Resources);
}

static NDIS_STATUS RegisterDma(PAEROVNET_ADAPTER Adapter)
{
    NDIS_SG_DMA_DESCRIPTION Description;
    NDIS_STATUS Status;

    NdisZeroMemory(&Description, sizeof Description);
    Description.Header.Type = NDIS_OBJECT_TYPE_SG_DMA_DESCRIPTION;
    Description.Header.Revision = NDIS_SG_DMA_DESCRIPTION_REVISION_1;
    Description.Header.Size = NDIS_SIZEOF_SG_DMA_DESCRIPTION_REVISION_1;
    Description.Flags = NDIS_SG_DMA_64_BIT_ADDRESS;
    Description.MaximumPhysicalMapping = DMA_MAXIMUM_MAPPING;
    Description.ProcessSGListHandler = AerovnetMiniportProcessSGList;
    Status = NdisMRegisterScatterGatherDma(Adapter->Handle, &Description, &Adapter->DmaHandle);
    if (Status != NDIS_STATUS_SUCCESS) {
        AerovnetEventLogWrite(Adapter, AerovnetReasonDma, (ULONG)Status, 0);
        return Status;
    }
    Adapter->ScatterGatherListSize = Description.ScatterGatherListSize;
    return NDIS_STATUS_SUCCESS;
}

static VOID DeregisterDma(PAEROVNET_ADAPTER Adapter)
{
    NdisMDeregisterScatterGatherDma(Adapter->DmaHandle);
    Adapter->DmaHandle = NULL;
}

/*
 * The device is left reset. When it is given up in the middle of its initialisation it is told so (G15); after a halt it was stopped by
 * the step that started it.
 */
static VOID AbandonDevice(PAEROVNET_ADAPTER Adapter)
{
    if (Adapter->State.Current == AerovnetStateInitializing) {
        (void)AerovnetDeviceStop(Adapter);
        virtio_pci_modern_fail(&Adapter->Device.Transport);
    }
}

/*
 * *JumboPacket counts the Ethernet header. A device that states an MTU is never sent more (N5); one that states none takes what it is
 * given, and what becomes of it further on is the business of who sets the keyword.
 */
static ULONG MtuDecide(PAEROVNET_ADAPTER Adapter)
{
    ULONG Wanted = Adapter->Settings.JumboPacket - ETHERNET_HEADER_BYTES;

    return Adapter->Device.Mtu != 0 && Adapter->Device.Mtu < Wanted ? Adapter->Device.Mtu : Wanted;
}

/* What follows from the device's configuration and the settings together. */
static NDIS_STATUS DecideParameters(PAEROVNET_ADAPTER Adapter)
{
    NDIS_STATUS Status = AerovnetDeviceReadConfiguration(Adapter);

    if (Status != NDIS_STATUS_SUCCESS) {
        return Status;
    }
    NdisMoveMemory(Adapter->StationAddress, Adapter->Settings.HasNetworkAddress ? Adapter->Settings.NetworkAddress : Adapter->Device.Mac,
                   ETH_LENGTH_OF_ADDRESS);
    NdisMoveMemory(Adapter->Rx.Filter.station, Adapter->StationAddress, ETH_LENGTH_OF_ADDRESS);
    Adapter->Mtu = MtuDecide(Adapter);
    Adapter->Lookahead = AerovnetMaximumTotalSize(Adapter);
    Adapter->Rx.FrameMaximum = AerovnetMaximumTotalSize(Adapter);
    Adapter->Rx.TellTags = Adapter->Settings.PriorityVlanTag != 0;
    Adapter->Rx.VlanId = (Adapter->Settings.PriorityVlanTag & AEROVNET_TAG_OF_VLAN) != 0 ? (USHORT)Adapter->Settings.VlanId : 0;
    Adapter->Tx.Moderated = Adapter->Settings.InterruptModeration != 0;
    Adapter->Tx.FrameMaximum = AerovnetMaximumTotalSize(Adapter) + 2 * ETHERNET_VLAN_BYTES;
    AerovnetOffloadDecide(Adapter);
    AerovnetLinkInitialize(Adapter);
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS AllocateReceiveQueue(PAEROVNET_ADAPTER Adapter)
{
    return AerovnetQueueAllocate(Adapter, VIRTIO_NET_QUEUE_RECEIVE, AEROVNET_RX_QUEUE_LARGEST, &Adapter->Rx.Queue);
}

static VOID FreeReceiveQueue(PAEROVNET_ADAPTER Adapter)
{
    AerovnetQueueFree(Adapter, &Adapter->Rx.Queue);
}

static NDIS_STATUS AllocateTransmitQueue(PAEROVNET_ADAPTER Adapter)
{
    return AerovnetQueueAllocate(Adapter, VIRTIO_NET_QUEUE_TRANSMIT, AEROVNET_TX_QUEUE_LARGEST, &Adapter->Tx.Queue);
}

static VOID FreeTransmitQueue(PAEROVNET_ADAPTER Adapter)
{
    AerovnetQueueFree(Adapter, &Adapter->Tx.Queue);
}

static NDIS_STATUS DescribeAdapter(PAEROVNET_ADAPTER Adapter)
{
    NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES Attributes;
    NDIS_PM_CAPABILITIES Power;
    NDIS_OID Oids[AEROVNET_OID_CAPACITY];
    const AEROVNET_LINK_FACTS *Link = &Adapter->Link.Told;

    /* No wake-up of any kind: the device has none. */
    NdisZeroMemory(&Power, sizeof Power);
    Power.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    Power.Header.Revision = NDIS_PM_CAPABILITIES_REVISION_1;
    Power.Header.Size = NDIS_SIZEOF_NDIS_PM_CAPABILITIES_REVISION_1;
    Power.MinMagicPacketWakeUp = NdisDeviceStateUnspecified;
    Power.MinPatternWakeUp = NdisDeviceStateUnspecified;
    Power.MinLinkChangeWakeUp = NdisDeviceStateUnspecified;

    NdisZeroMemory(&Attributes, sizeof Attributes);
    Attributes.Header.Type = NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES;
    Attributes.Header.Revision = NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_2;
    Attributes.Header.Size = NDIS_SIZEOF_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_2;
    Attributes.MediaType = NdisMedium802_3;
    Attributes.PhysicalMediumType = NdisPhysicalMedium802_3;
    Attributes.MtuSize = Adapter->Mtu;
    Attributes.MaxXmitLinkSpeed =
        Link->Speed != NDIS_LINK_SPEED_UNKNOWN && Link->Speed > AEROVNET_LINK_SPEED ? Link->Speed : AEROVNET_LINK_SPEED;
    Attributes.MaxRcvLinkSpeed = Attributes.MaxXmitLinkSpeed;
    Attributes.XmitLinkSpeed = Link->Speed;
    Attributes.RcvLinkSpeed = Attributes.XmitLinkSpeed;
    Attributes.MediaConnectState = Link->State;
    Attributes.MediaDuplexState = Link->Duplex;
    Attributes.LookaheadSize = AerovnetMaximumTotalSize(Adapter);
    Attributes.MacOptions = AerovnetMacOptions(Adapter);
    Attributes.SupportedPacketFilters = AEROVNET_PACKET_FILTERS;
    Attributes.MaxMulticastListSize = RECEIVE_FILTER_MULTICAST_MAX;
    Attributes.MacAddressLength = ETH_LENGTH_OF_ADDRESS;
    NdisMoveMemory(Attributes.PermanentMacAddress, Adapter->Device.Mac, ETH_LENGTH_OF_ADDRESS);
    NdisMoveMemory(Attributes.CurrentMacAddress, Adapter->StationAddress, ETH_LENGTH_OF_ADDRESS);
    Attributes.AccessType = NET_IF_ACCESS_BROADCAST;
    Attributes.DirectionType = NET_IF_DIRECTION_SENDRECEIVE;
    Attributes.ConnectionType = NET_IF_CONNECTION_DEDICATED;
    Attributes.IfType = IF_TYPE_ETHERNET_CSMACD;
    Attributes.IfConnectorPresent = TRUE;
    Attributes.SupportedStatistics = AEROVNET_STATISTICS_SUPPORTED;
    Attributes.SupportedPauseFunctions = NdisPauseFunctionsUnsupported;
    Attributes.SupportedOidList = Oids;
    Attributes.SupportedOidListLength = AerovnetOidsSupported(Adapter, Oids, AEROVNET_OID_CAPACITY) * (ULONG)sizeof Oids[0];
    Attributes.PowerManagementCapabilitiesEx = &Power;
    return NdisMSetMiniportAttributes(Adapter->Handle, (PNDIS_MINIPORT_ADAPTER_ATTRIBUTES)&Attributes);
}

static NDIS_STATUS StartDevice(PAEROVNET_ADAPTER Adapter)
{
    AEROVNET_DEVICE_PHASE Phase = AerovnetPhaseNegotiate;
    enum virtio_pci_result Result = AerovnetDeviceStart(Adapter, AerovnetDeviceFiltersVlansAlone(Adapter), &Phase);

    if (Result == VIRTIO_PCI_OK) {
        return NDIS_STATUS_SUCCESS;
    }
    if (Result == VIRTIO_PCI_VECTOR_REFUSED) {
        /* Messages were granted, so there is no line to fall back to. */
        AerovnetEventLogWrite(Adapter, AerovnetReasonMessageVectors, Adapter->Interrupts.MessageCount, 0);
    } else {
        AerovnetDeviceLogResult(Adapter, Result, Phase);
    }
    return NDIS_STATUS_FAILURE;
}

static VOID StopDevice(PAEROVNET_ADAPTER Adapter)
{
    enum virtio_pci_result Result = AerovnetDeviceStop(Adapter);

    if (Result != VIRTIO_PCI_OK && !AerovnetIsOutOfReach(Adapter)) {
        AerovnetEventLogWrite(Adapter, AerovnetReasonNotStopped, (ULONG)Result, 0);
    }
    AerovnetTxReclaim(Adapter, NDIS_STATUS_NOT_ACCEPTED);
    AerovnetRxReclaim(Adapter);
#if defined(DBG) && DBG
    AerovnetTxCancelPrint(&Adapter->Tx);
#endif
}

static NDIS_STATUS BeginService(PAEROVNET_ADAPTER Adapter)
{
    AerovnetLinkAttach(Adapter);
    AerovnetRecoveryBegin(Adapter);
    return NDIS_STATUS_SUCCESS;
}

static VOID EndService(PAEROVNET_ADAPTER Adapter)
{
    AerovnetLinkDetach(Adapter);
    AerovnetRecoveryStop(Adapter);
}

/* ---- the table ---- */

typedef struct _AEROVNET_STEP {
    const CHAR *Name;
    NDIS_STATUS (*Do)(PAEROVNET_ADAPTER Adapter); /* on failure it has undone what it had begun */
    VOID (*Undo)(PAEROVNET_ADAPTER Adapter);      /* NULL: nothing to undo */
} AEROVNET_STEP;

/* The index of a step is a detail of event log entries (AerovnetReasonStep): append and insert with care. */
static const AEROVNET_STEP StepTable[] = {
    {"register adapter", RegisterAdapter, NULL},
    {"prepare objects", PrepareObjects, DisposeObjects},
    {"read settings", ReadSettings, NULL},
    {"read VLANs", AerovnetRegistryReadVlans, NULL},
    {"read resources", ReadResources, NULL},
    {"recognize device", AerovnetDeviceRecognize, NULL},
    {"register DMA", RegisterDma, DeregisterDma},
    {"map registers", AerovnetDeviceMap, AerovnetDeviceUnmap},
    {"negotiate features", AerovnetDeviceNegotiate, AbandonDevice},
    {"decide parameters", DecideParameters, NULL},
    {"allocate receive queue", AllocateReceiveQueue, FreeReceiveQueue},
    {"allocate transmit queue", AllocateTransmitQueue, FreeTransmitQueue},
    {"allocate control queue", AerovnetControlQueueAllocate, AerovnetControlQueueFree},
    {"allocate receive buffers", AerovnetRxAllocate, AerovnetRxRelease},
    {"allocate transmit slots", AerovnetTxAllocate, AerovnetTxRelease},
    {"allocate service timer", AerovnetServiceTimerAllocate, AerovnetServiceTimerFree},
    {"allocate recovery", AerovnetRecoveryAllocate, AerovnetRecoveryFree},
    {"describe adapter", DescribeAdapter, NULL},
    {"describe offloads", AerovnetOffloadDescribe, NULL},
    {"register interrupt", AerovnetInterruptRegister, AerovnetInterruptDeregister},
    {"start device", StartDevice, StopDevice},
    {"begin service", BeginService, EndService},
    {"attach diagnostics", AerovnetDiagnosticsAttach, AerovnetDiagnosticsDetach},
};
#define STEP_COUNT (sizeof StepTable / sizeof StepTable[0])

static NDIS_STATUS StepsDo(PAEROVNET_ADAPTER Adapter)
{
    NDIS_STATUS Status;
    ULONG Index;

    for (Index = 0; Index < STEP_COUNT; Index++) {
        Status = StepTable[Index].Do(Adapter);
        AEROVNET_TRACE(("%s: 0x%08x", StepTable[Index].Name, (unsigned)Status));
        if (Status != NDIS_STATUS_SUCCESS) {
            if (!Adapter->RefusalLogged) {
                AerovnetEventLogWrite(Adapter, AerovnetReasonStep, Index, (ULONG)Status);
            }
            return Status;
        }
        Adapter->StepsDone = Index + 1;
    }
    return NDIS_STATUS_SUCCESS;
}

static VOID StepsUndo(PAEROVNET_ADAPTER Adapter)
{
    while (Adapter->StepsDone != 0) {
        const AEROVNET_STEP *Step = &StepTable[--Adapter->StepsDone];

        if (Step->Undo != NULL) {
            AEROVNET_TRACE(("undo %s", Step->Name));
            Step->Undo(Adapter);
        }
    }
}

/* ---- entry points ---- */

/*
 * MINIPORT_INITIALIZE: brings the adapter to Paused, or leaves nothing behind. Refusals and failures of the device are in the event
 * log. IRQL: PASSIVE_LEVEL.
 */
NDIS_STATUS NTAPI AerovnetMiniportInitialize(NDIS_HANDLE NdisMiniportHandle, NDIS_HANDLE MiniportDriverContext,
                                             PNDIS_MINIPORT_INIT_PARAMETERS MiniportInitParameters)
{
    PAEROVNET_ADAPTER Adapter;
    NDIS_STATUS Status;

    UNREFERENCED_PARAMETER(MiniportDriverContext);
    Adapter = NdisAllocateMemoryWithTagPriority(NdisMiniportHandle, sizeof *Adapter, AEROVNET_TAG_ADAPTER, NormalPoolPriority);
    if (Adapter == NULL) {
        AerovnetEventLogWriteEarly(NdisMiniportHandle, AerovnetReasonStep, MAXULONG, (ULONG)NDIS_STATUS_RESOURCES);
        return NDIS_STATUS_RESOURCES;
    }
    NdisZeroMemory(Adapter, sizeof *Adapter);
    Adapter->Handle = NdisMiniportHandle;
    Adapter->Personality = &AerovnetPersonality;
    Adapter->AssignedResources = MiniportInitParameters->AllocatedResources;

    Status = StepsDo(Adapter);
    Adapter->AssignedResources = NULL; /* NDIS's, for the call only */
    if (Status != NDIS_STATUS_SUCCESS) {
        StepsUndo(Adapter);
        NdisFreeMemory(Adapter, 0, 0);
        return Status;
    }
    AerovnetStateInitialized(Adapter);
    return NDIS_STATUS_SUCCESS;
}

/*
 * MINIPORT_HALT: from Paused, with nothing outstanding; undoes the initialisation. After surprise removal the same walk, with registers
 * that are out of reach. IRQL: PASSIVE_LEVEL.
 */
VOID NTAPI AerovnetMiniportHalt(NDIS_HANDLE MiniportAdapterContext, NDIS_HALT_ACTION HaltAction)
{
    PAEROVNET_ADAPTER Adapter = (PAEROVNET_ADAPTER)MiniportAdapterContext;

    AEROVNET_TRACE(("halt, action %u", (unsigned)HaltAction));
    if (HaltAction == NdisHaltDeviceSurpriseRemoved) {
        InterlockedExchange(&Adapter->Removed, TRUE);
    }
    StepsUndo(Adapter);
    NdisFreeMemory(Adapter, 0, 0);
}

/*
 * MINIPORT_SHUTDOWN: silences the device: no interrupt and no DMA into the next system. One register write, for any IRQL; frees nothing.
 */
VOID NTAPI AerovnetMiniportShutdown(NDIS_HANDLE MiniportAdapterContext, NDIS_SHUTDOWN_ACTION ShutdownAction)
{
    UNREFERENCED_PARAMETER(ShutdownAction);
    AerovnetDeviceSilence((PAEROVNET_ADAPTER)MiniportAdapterContext);
}

/*
 * MINIPORT_DEVICE_PNP_EVENT_NOTIFY: after surprise removal registers are not touched any more, and what the device had is given back, so
 * that the pause that follows can finish. Other events mean nothing to this device. IRQL: PASSIVE_LEVEL.
 */
VOID NTAPI AerovnetMiniportDevicePnPEventNotify(NDIS_HANDLE MiniportAdapterContext, PNET_DEVICE_PNP_EVENT NetDevicePnPEvent)
{
    PAEROVNET_ADAPTER Adapter = (PAEROVNET_ADAPTER)MiniportAdapterContext;

    if (NetDevicePnPEvent->DevicePnPEvent == NdisDevicePnPEventSurpriseRemoved) {
        AEROVNET_TRACE(("surprise removal"));
        InterlockedExchange(&Adapter->Removed, TRUE);
        AerovnetRecoveryRemoved(Adapter);
    }
}
