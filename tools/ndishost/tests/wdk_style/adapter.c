/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* adapter.c - the life of an adapter: initialise, restart, pause, halt, and its housekeeping by timer and work item. */
#include "hub.h"

/* ---- housekeeping ---- */

/* The timer's: PASSIVE_LEVEL work now and then, never two at once. IRQL: DISPATCH_LEVEL. */
static VOID NTAPI HubTick(PVOID Unused1, PVOID FunctionContext, PVOID Unused2, PVOID Unused3);

/* Counts the round on this processor, which must not change meanwhile: so not below DISPATCH_LEVEL. */
static VOID NTAPI HubWork(PVOID WorkItemContext, NDIS_HANDLE NdisIoWorkItemHandle)
{
    PHUB_ADAPTER Adapter = (PHUB_ADAPTER)WorkItemContext;
    PROCESSOR_NUMBER Number;
    LARGE_INTEGER UpTime, SystemTime;
    KIRQL OldIrql;
    ULONG Index;

    UNREFERENCED_PARAMETER(NdisIoWorkItemHandle);
    NdisGetSystemUpTimeEx(&UpTime);
    KeQuerySystemTime(&SystemTime); /* an inlined read of the shared page on x64 */
    Adapter->LastUpTime = UpTime.LowPart;
    /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): it has been read from the page, through a cast */
    Adapter->LastTime = SystemTime.LowPart;
    KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
    KeGetCurrentProcessorNumberEx(&Number);
    Index = KeGetProcessorIndexFromNumber(&Number);
    if (Index < ProcessorCount) {
        Processors[Index].Rounds++;
    }
    KeLowerIrql(OldIrql);
    HubVisitProcessors();
    InterlockedExchange(&Adapter->WorkQueued, 0);
    NdisSetEvent(&Adapter->WorkDone);
}

static VOID NTAPI HubTick(PVOID Unused1, PVOID FunctionContext, PVOID Unused2, PVOID Unused3)
{
    PHUB_ADAPTER Adapter = (PHUB_ADAPTER)FunctionContext;

    UNREFERENCED_PARAMETER(Unused1);
    UNREFERENCED_PARAMETER(Unused2);
    UNREFERENCED_PARAMETER(Unused3);
    if (++Adapter->Ticks % HUB_TICKS_PER_WORK == 0 && InterlockedCompareExchange(&Adapter->WorkQueued, 1, 0) == 0) {
        NdisResetEvent(&Adapter->WorkDone);
        NdisQueueIoWorkItem(Adapter->WorkItem, HubWork, Adapter);
    }
}

static NDIS_STATUS HubHousekeepingCreate(PHUB_ADAPTER Adapter)
{
    NDIS_TIMER_CHARACTERISTICS Characteristics;
    LARGE_INTEGER DueTime;

    NdisInitializeEvent(&Adapter->WorkDone);
    NdisSetEvent(&Adapter->WorkDone);
    Adapter->WorkItem = NdisAllocateIoWorkItem(Adapter->Handle);
    if (Adapter->WorkItem == NULL) {
        return NDIS_STATUS_RESOURCES;
    }
    NdisZeroMemory(&Characteristics, sizeof Characteristics);
    Characteristics.Header.Type = NDIS_OBJECT_TYPE_TIMER_CHARACTERISTICS;
    Characteristics.Header.Revision = NDIS_TIMER_CHARACTERISTICS_REVISION_1;
    Characteristics.Header.Size = NDIS_SIZEOF_TIMER_CHARACTERISTICS_REVISION_1;
    Characteristics.AllocationTag = HUB_TAG;
    Characteristics.TimerFunction = HubTick;
    Characteristics.FunctionContext = Adapter;
    if (NdisAllocateTimerObject(Adapter->Handle, &Characteristics, &Adapter->Timer) != NDIS_STATUS_SUCCESS) {
        Adapter->Timer = NULL;
        return NDIS_STATUS_RESOURCES;
    }
    DueTime.QuadPart = -10000LL * HUB_TICK_MS;
    NdisSetTimerObject(Adapter->Timer, DueTime, HUB_TICK_MS, NULL);
    return NDIS_STATUS_SUCCESS;
}

static VOID HubHousekeepingDelete(PHUB_ADAPTER Adapter)
{
    if (Adapter->Timer != NULL) {
        NdisCancelTimerObject(Adapter->Timer);
        KeFlushQueuedDpcs(); /* the timer's function has returned, and queues no work any more */
        NdisFreeTimerObject(Adapter->Timer);
        Adapter->Timer = NULL;
    }
    if (Adapter->WorkItem != NULL) {
        while (!NdisWaitEvent(&Adapter->WorkDone, 1000)) {
        }
        NdisFreeIoWorkItem(Adapter->WorkItem);
        Adapter->WorkItem = NULL;
    }
}

/* ---- deferred calls: sends of an adapter on one processor, its receives on the next ---- */

static VOID HubDpcPrepare(PHUB_ADAPTER Adapter, PKDPC Dpc, PKDEFERRED_ROUTINE Routine, ULONG Index, KDPC_IMPORTANCE Importance)
{
    PROCESSOR_NUMBER Number;

    KeInitializeDpc(Dpc, Routine, Adapter);
    KeSetImportanceDpc(Dpc, Importance);
    if (KeGetProcessorNumberFromIndex(Index % ProcessorCount, &Number) == STATUS_SUCCESS) {
        KeSetTargetProcessorDpcEx(Dpc, &Number);
    }
}

/* ---- initialise ---- */

/* The address that the registry names, else one of our own; and a count of starts is left there. */
static VOID HubReadConfiguration(PHUB_ADAPTER Adapter)
{
    static const UCHAR Own[6] = {0x02, 0x57, 0x44, 0x4B, 0x00, 0x00};
    NDIS_STRING StartsKeyword = NDIS_STRING_CONST("HubStarts");
    NDIS_CONFIGURATION_OBJECT Object;
    NDIS_CONFIGURATION_PARAMETER Parameter;
    PNDIS_CONFIGURATION_PARAMETER Read;
    NDIS_HANDLE Configuration;
    NDIS_STATUS Status;
    PUCHAR Address;
    UINT Length;

    NdisMoveMemory(Adapter->PermanentAddress, Own, 6);
    Adapter->PermanentAddress[5] = (UCHAR)Adapter->Index;
    NdisMoveMemory(Adapter->Address, Adapter->PermanentAddress, 6);
    NdisZeroMemory(&Object, sizeof Object);
    Object.Header.Type = NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT;
    Object.Header.Revision = NDIS_CONFIGURATION_OBJECT_REVISION_1;
    Object.Header.Size = NDIS_SIZEOF_CONFIGURATION_OBJECT_REVISION_1;
    Object.NdisHandle = Adapter->Handle;
    if (NdisOpenConfigurationEx(&Object, &Configuration) != NDIS_STATUS_SUCCESS) {
        return;
    }
    NdisReadNetworkAddress(&Status, (PVOID *)&Address, &Length, Configuration);
    if (Status == NDIS_STATUS_SUCCESS && Length == 6 && (Address[0] & 3) == 2) {
        NdisMoveMemory(Adapter->Address, Address, 6);
    }
    NdisReadConfiguration(&Status, &Read, Configuration, &StartsKeyword, NdisParameterInteger);
    NdisZeroMemory(&Parameter, sizeof Parameter);
    Parameter.ParameterType = NdisParameterInteger;
    Parameter.ParameterData.IntegerData = Status == NDIS_STATUS_SUCCESS ? Read->ParameterData.IntegerData + 1 : 1;
    NdisWriteConfiguration(&Status, Configuration, &StartsKeyword, &Parameter);
    NdisCloseConfiguration(Configuration);
}

static NDIS_STATUS HubRegister(PHUB_ADAPTER Adapter)
{
    NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES Attributes;

    NdisZeroMemory(&Attributes, sizeof Attributes);
    Attributes.Header.Type = NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES;
    Attributes.Header.Revision = NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1;
    Attributes.Header.Size = NDIS_SIZEOF_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1;
    Attributes.MiniportAdapterContext = Adapter;
    Attributes.AttributeFlags = NDIS_MINIPORT_ATTRIBUTES_SURPRISE_REMOVE_OK | NDIS_MINIPORT_ATTRIBUTES_NDIS_WDM;
    Attributes.CheckForHangTimeInSeconds = 4;
    Attributes.InterfaceType = NdisInterfaceInternal;
    return NdisMSetMiniportAttributes(Adapter->Handle, (PNDIS_MINIPORT_ADAPTER_ATTRIBUTES)&Attributes);
}

static NDIS_STATUS HubDescribe(PHUB_ADAPTER Adapter)
{
    NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES Attributes;
    NDIS_PM_CAPABILITIES Power;
    const NDIS_OID *Oids;

    NdisZeroMemory(&Power, sizeof Power);
    Power.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    Power.Header.Revision = NDIS_PM_CAPABILITIES_REVISION_1;
    Power.Header.Size = NDIS_SIZEOF_NDIS_PM_CAPABILITIES_REVISION_1;
    Power.MinMagicPacketWakeUp = Power.MinPatternWakeUp = Power.MinLinkChangeWakeUp = NdisDeviceStateUnspecified;

    NdisZeroMemory(&Attributes, sizeof Attributes);
    Attributes.Header.Type = NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES;
    Attributes.Header.Revision = NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_2;
    Attributes.Header.Size = NDIS_SIZEOF_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_2;
    Attributes.MediaType = NdisMedium802_3;
    Attributes.PhysicalMediumType = NdisPhysicalMediumUnspecified;
    Attributes.MtuSize = HUB_MTU;
    Attributes.MaxXmitLinkSpeed = Attributes.MaxRcvLinkSpeed = HUB_LINK_SPEED;
    Attributes.XmitLinkSpeed = Attributes.RcvLinkSpeed = HUB_LINK_SPEED;
    Attributes.MediaConnectState = MediaConnectStateConnected;
    Attributes.MediaDuplexState = MediaDuplexStateFull;
    Attributes.LookaheadSize = HUB_FRAME_MAXIMUM;
    Attributes.MacOptions = NDIS_MAC_OPTION_COPY_LOOKAHEAD_DATA | NDIS_MAC_OPTION_TRANSFERS_NOT_PEND | NDIS_MAC_OPTION_NO_LOOPBACK;
    Attributes.SupportedPacketFilters = HUB_FILTERS;
    Attributes.MaxMulticastListSize = HUB_MULTICAST_MAX;
    Attributes.MacAddressLength = 6;
    NdisMoveMemory(Attributes.PermanentMacAddress, Adapter->PermanentAddress, 6);
    NdisMoveMemory(Attributes.CurrentMacAddress, Adapter->Address, 6);
    Attributes.AccessType = NET_IF_ACCESS_BROADCAST;
    Attributes.DirectionType = NET_IF_DIRECTION_SENDRECEIVE;
    Attributes.ConnectionType = NET_IF_CONNECTION_DEDICATED;
    Attributes.IfType = IF_TYPE_ETHERNET_CSMACD;
    Attributes.IfConnectorPresent = FALSE;
    Attributes.SupportedStatistics = NDIS_STATISTICS_DIRECTED_FRAMES_XMIT_SUPPORTED | NDIS_STATISTICS_DIRECTED_FRAMES_RCV_SUPPORTED |
                                     NDIS_STATISTICS_MULTICAST_FRAMES_XMIT_SUPPORTED | NDIS_STATISTICS_MULTICAST_FRAMES_RCV_SUPPORTED |
                                     NDIS_STATISTICS_BROADCAST_FRAMES_XMIT_SUPPORTED | NDIS_STATISTICS_BROADCAST_FRAMES_RCV_SUPPORTED |
                                     NDIS_STATISTICS_DIRECTED_BYTES_XMIT_SUPPORTED | NDIS_STATISTICS_DIRECTED_BYTES_RCV_SUPPORTED |
                                     NDIS_STATISTICS_MULTICAST_BYTES_XMIT_SUPPORTED | NDIS_STATISTICS_MULTICAST_BYTES_RCV_SUPPORTED |
                                     NDIS_STATISTICS_BROADCAST_BYTES_XMIT_SUPPORTED | NDIS_STATISTICS_BROADCAST_BYTES_RCV_SUPPORTED |
                                     NDIS_STATISTICS_BYTES_XMIT_SUPPORTED | NDIS_STATISTICS_BYTES_RCV_SUPPORTED |
                                     NDIS_STATISTICS_RCV_DISCARDS_SUPPORTED | NDIS_STATISTICS_RCV_ERROR_SUPPORTED |
                                     NDIS_STATISTICS_XMIT_ERROR_SUPPORTED | NDIS_STATISTICS_XMIT_DISCARDS_SUPPORTED |
                                     NDIS_STATISTICS_XMIT_OK_SUPPORTED | NDIS_STATISTICS_RCV_OK_SUPPORTED |
                                     NDIS_STATISTICS_RCV_NO_BUFFER_SUPPORTED | NDIS_STATISTICS_GEN_STATISTICS_SUPPORTED;
    Attributes.SupportedPauseFunctions = NdisPauseFunctionsUnsupported;
    Attributes.SupportedOidListLength = HubOids(&Oids) * (ULONG)sizeof *Oids;
    Attributes.SupportedOidList = (PNDIS_OID)Oids;
    Attributes.PowerManagementCapabilitiesEx = &Power;
    return NdisMSetMiniportAttributes(Adapter->Handle, (PNDIS_MINIPORT_ADAPTER_ATTRIBUTES)&Attributes);
}

/* Whatever is there of it. */
static VOID HubTakeApart(PHUB_ADAPTER Adapter)
{
    HubUnpublish(Adapter);
    HubHousekeepingDelete(Adapter);
    HubReceivesDelete(Adapter);
    NdisFreeSpinLock(&Adapter->Lock);
}

/* MINIPORT_INITIALIZE. IRQL: PASSIVE_LEVEL. */
NDIS_STATUS NTAPI HubInitialize(NDIS_HANDLE AdapterHandle, NDIS_HANDLE DriverContext, PNDIS_MINIPORT_INIT_PARAMETERS Parameters)
{
    PHUB_ADAPTER Adapter = (PHUB_ADAPTER)Parameters->MiniportAddDeviceContext;
    LOCK_STATE_EX LockState;
    NDIS_STATUS Status;

    UNREFERENCED_PARAMETER(DriverContext);
    NdisZeroMemory(Adapter, sizeof *Adapter);
    Adapter->Handle = AdapterHandle;
    Adapter->Index = Parameters->IfIndex;
    Adapter->State = HubPaused;
    NdisAllocateSpinLock(&Adapter->Lock);
    InitializeListHead(&Adapter->SendQueue);
    InitializeListHead(&Adapter->ReceiveQueue);
    HubDpcPrepare(Adapter, &Adapter->SendDpc, HubSendDpc, Adapter->Index, MediumHighImportance);
    HubDpcPrepare(Adapter, &Adapter->ReceiveDpc, HubReceiveDpc, Adapter->Index + 1, HighImportance);
    NdisMGetDeviceProperty(AdapterHandle, &Adapter->PhysicalDevice, NULL, NULL, NULL, NULL);

    Status = HubRegister(Adapter);
    if (Status == NDIS_STATUS_SUCCESS) {
        HubReadConfiguration(Adapter);
        Status = HubDescribe(Adapter);
    }
    if (Status == NDIS_STATUS_SUCCESS) {
        Status = HubReceivesCreate(Adapter);
    }
    if (Status == NDIS_STATUS_SUCCESS) {
        Status = HubHousekeepingCreate(Adapter);
    }
    if (Status == NDIS_STATUS_SUCCESS && Adapter->PhysicalDevice == NULL) {
        Status = NDIS_STATUS_FAILURE;
    }
    if (Status == NDIS_STATUS_SUCCESS) {
        Status = HubPublish(Adapter);
    }
    if (Status == NDIS_STATUS_SUCCESS) {
        Status = HubControlAcquire();
    }
    if (Status != NDIS_STATUS_SUCCESS) {
        NdisWriteErrorLogEntry(AdapterHandle, NDIS_ERROR_CODE_OUT_OF_RESOURCES, 1, (ULONG)Status);
        HubTakeApart(Adapter);
        return Status;
    }
    NdisAcquireRWLockWrite(HubLock, &LockState, 0);
    InsertTailList(&Adapters, &Adapter->Link);
    NdisReleaseRWLock(HubLock, &LockState);
    return NDIS_STATUS_SUCCESS;
}

/* MINIPORT_HALT: paused, so nothing is queued; whoever is in a deferred call still is waited for. IRQL: PASSIVE_LEVEL. */
VOID NTAPI HubHalt(NDIS_HANDLE Context, NDIS_HALT_ACTION HaltAction)
{
    PHUB_ADAPTER Adapter = (PHUB_ADAPTER)Context;
    LOCK_STATE_EX LockState;

    UNREFERENCED_PARAMETER(HaltAction);
    NdisAcquireRWLockWrite(HubLock, &LockState, 0);
    RemoveEntryList(&Adapter->Link);
    NdisReleaseRWLock(HubLock, &LockState);
    KeRemoveQueueDpc(&Adapter->SendDpc);
    KeRemoveQueueDpc(&Adapter->ReceiveDpc);
    KeFlushQueuedDpcs();
    HubTakeApart(Adapter);
    HubControlRelease();
    Adapter->State = HubHalted;
}

/* ---- pause and restart ---- */

BOOLEAN HubPauseDone(PHUB_ADAPTER Adapter)
{
    if (Adapter->State != HubPausing || Adapter->Sends != 0 || Adapter->Receives != 0) {
        return FALSE;
    }
    Adapter->State = HubPaused;
    return TRUE;
}

/* MINIPORT_PAUSE. IRQL: PASSIVE_LEVEL. */
NDIS_STATUS NTAPI HubPause(NDIS_HANDLE Context, PNDIS_MINIPORT_PAUSE_PARAMETERS Parameters)
{
    PHUB_ADAPTER Adapter = (PHUB_ADAPTER)Context;
    BOOLEAN Done;

    UNREFERENCED_PARAMETER(Parameters);
    NdisAcquireSpinLock(&Adapter->Lock);
    Adapter->State = HubPausing;
    Adapter->Sends++; /* ours: the flush must not complete the pause before it has returned */
    NdisReleaseSpinLock(&Adapter->Lock);
    HubQueuesFlush(Adapter);
    NdisAcquireSpinLock(&Adapter->Lock);
    Adapter->Sends--;
    Done = HubPauseDone(Adapter);
    NdisReleaseSpinLock(&Adapter->Lock);
    return Done ? NDIS_STATUS_SUCCESS : NDIS_STATUS_PENDING;
}

/* MINIPORT_RESTART. IRQL: PASSIVE_LEVEL. */
NDIS_STATUS NTAPI HubRestart(NDIS_HANDLE Context, PNDIS_MINIPORT_RESTART_PARAMETERS Parameters)
{
    PHUB_ADAPTER Adapter = (PHUB_ADAPTER)Context;

    UNREFERENCED_PARAMETER(Parameters);
    NdisAcquireSpinLock(&Adapter->Lock);
    Adapter->State = HubRunning;
    NdisReleaseSpinLock(&Adapter->Lock);
    return NDIS_STATUS_SUCCESS;
}

/* ---- the rest: there is no hardware that could hang, be reset, be pulled out or be silenced ---- */

VOID NTAPI HubShutdown(NDIS_HANDLE Context, NDIS_SHUTDOWN_ACTION ShutdownAction)
{
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(ShutdownAction);
}

BOOLEAN NTAPI HubCheckForHang(NDIS_HANDLE Context)
{
    UNREFERENCED_PARAMETER(Context);
    return FALSE;
}

NDIS_STATUS NTAPI HubReset(NDIS_HANDLE Context, PBOOLEAN AddressingReset)
{
    UNREFERENCED_PARAMETER(Context);
    *AddressingReset = FALSE;
    return NDIS_STATUS_SUCCESS;
}

VOID NTAPI HubDevicePnPEventNotify(NDIS_HANDLE Context, PNET_DEVICE_PNP_EVENT Event)
{
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Event);
}
