/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* entry.c - DriverEntry, optional handlers, unload: what the adapters share. */
#include "hub.h"

DRIVER_INITIALIZE DriverEntry;
static MINIPORT_UNLOAD HubUnload;
static SET_OPTIONS HubSetOptions;
static MINIPORT_ADD_DEVICE HubAddDevice;
static MINIPORT_REMOVE_DEVICE HubRemoveDevice;
static MINIPORT_START_DEVICE HubStartDevice;
static MINIPORT_PNP_IRP HubFilterResources;
#ifdef ALLOC_PRAGMA
#pragma alloc_text(INIT, DriverEntry)
#endif

NDIS_HANDLE DriverHandle;
PNDIS_RW_LOCK_EX HubLock;
LIST_ENTRY Adapters;
NPAGED_LOOKASIDE_LIST SendLookaside;
HUB_PROCESSOR *Processors;
ULONG ProcessorCount;

static KBUGCHECK_CALLBACK_RECORD BugCheckRecord;
static ULONG BugCheckFrames;

/* Any IRQL: nothing but a note for the dump. */
static VOID NTAPI HubBugCheck(PVOID Buffer, ULONG Length)
{
    if (Length == sizeof BugCheckFrames) {
        *(PULONG)Buffer = HUB_TAG;
    }
}

/* The context of an adapter is made when Windows finds its device, and goes with that. */
static NDIS_STATUS NTAPI HubAddDevice(NDIS_HANDLE AdapterHandle, NDIS_HANDLE DriverContext)
{
    NDIS_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES Attributes;
    PHUB_ADAPTER Adapter;

    UNREFERENCED_PARAMETER(DriverContext);
    Adapter = (PHUB_ADAPTER)NdisAllocateMemoryWithTagPriority(AdapterHandle, sizeof *Adapter, HUB_TAG, NormalPoolPriority);
    if (Adapter == NULL) {
        return NDIS_STATUS_RESOURCES;
    }
    NdisZeroMemory(Adapter, sizeof *Adapter);
    Adapter->Handle = AdapterHandle;
    NdisZeroMemory(&Attributes, sizeof Attributes);
    Attributes.Header.Type = NDIS_OBJECT_TYPE_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES;
    Attributes.Header.Revision = NDIS_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES_REVISION_1;
    Attributes.Header.Size = NDIS_SIZEOF_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES_REVISION_1;
    Attributes.MiniportAddDeviceContext = Adapter;
    if (NdisMSetMiniportAttributes(AdapterHandle, (PNDIS_MINIPORT_ADAPTER_ATTRIBUTES)&Attributes) != NDIS_STATUS_SUCCESS) {
        NdisFreeMemory(Adapter, 0, 0);
        return NDIS_STATUS_FAILURE;
    }
    return NDIS_STATUS_SUCCESS;
}

static VOID NTAPI HubRemoveDevice(NDIS_HANDLE Context)
{
    NdisFreeMemory(Context, 0, 0);
}

static NDIS_STATUS NTAPI HubStartDevice(NDIS_HANDLE Context, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Irp);
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS NTAPI HubFilterResources(NDIS_HANDLE Context, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Irp);
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS NTAPI HubSetOptions(NDIS_HANDLE Handle, NDIS_HANDLE DriverContext)
{
    NDIS_MINIPORT_PNP_CHARACTERISTICS Characteristics;

    UNREFERENCED_PARAMETER(DriverContext);
    NdisZeroMemory(&Characteristics, sizeof Characteristics);
    Characteristics.Header.Type = NDIS_OBJECT_TYPE_MINIPORT_PNP_CHARACTERISTICS;
    Characteristics.Header.Revision = NDIS_MINIPORT_PNP_CHARACTERISTICS_REVISION_1;
    Characteristics.Header.Size = NDIS_SIZEOF_MINIPORT_PNP_CHARACTERISTICS_REVISION_1;
    Characteristics.MiniportAddDeviceHandler = HubAddDevice;
    Characteristics.MiniportRemoveDeviceHandler = HubRemoveDevice;
    Characteristics.MiniportFilterResourceRequirementsHandler = HubFilterResources;
    Characteristics.MiniportStartDeviceHandler = HubStartDevice;
    return NdisSetOptionalHandlers(Handle, (PNDIS_DRIVER_OPTIONAL_HANDLERS)&Characteristics);
}

/* What DriverEntry made after the registration, in opposite order. */
static VOID HubDispose(VOID)
{
    KeDeregisterBugCheckCallback(&BugCheckRecord);
    if (HubLock != NULL) {
        NdisFreeRWLock(HubLock);
    }
    if (Processors != NULL) {
        NdisFreeMemory(Processors, 0, 0);
    }
    NdisDeleteNPagedLookasideList(&SendLookaside);
    NdisMDeregisterMiniportDriver(DriverHandle);
}

static VOID NTAPI HubUnload(PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject);
    HubDispose();
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS Characteristics;
    PKBUGCHECK_CALLBACK_RECORD Record = &BugCheckRecord;
    NDIS_STATUS Status;

    Status = HubReadParameters(RegistryPath);
    if (Status != STATUS_SUCCESS) {
        return Status;
    }
    InitializeListHead(&Adapters);
    NdisZeroMemory(&Characteristics, sizeof Characteristics);
    Characteristics.Header.Type = NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS;
    Characteristics.Header.Revision = NDIS_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_2;
    Characteristics.Header.Size = NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_2;
    Characteristics.MajorNdisVersion = 6;
    Characteristics.MinorNdisVersion = 20;
    Characteristics.MajorDriverVersion = 1;
    Characteristics.SetOptionsHandler = HubSetOptions;
    Characteristics.InitializeHandlerEx = HubInitialize;
    Characteristics.HaltHandlerEx = HubHalt;
    Characteristics.UnloadHandler = HubUnload;
    Characteristics.PauseHandler = HubPause;
    Characteristics.RestartHandler = HubRestart;
    Characteristics.OidRequestHandler = HubOidRequest;
    Characteristics.CancelOidRequestHandler = HubCancelOidRequest;
    Characteristics.SendNetBufferListsHandler = HubSend;
    Characteristics.CancelSendHandler = HubCancelSend;
    Characteristics.ReturnNetBufferListsHandler = HubReturn;
    Characteristics.CheckForHangHandlerEx = HubCheckForHang;
    Characteristics.ResetHandlerEx = HubReset;
    Characteristics.DevicePnPEventNotifyHandler = HubDevicePnPEventNotify;
    Characteristics.ShutdownHandlerEx = HubShutdown;
    Characteristics.DirectOidRequestHandler = HubDirectOidRequest;
    Characteristics.CancelDirectOidRequestHandler = HubCancelOidRequest;

    NdisInitializeNPagedLookasideList(&SendLookaside, NULL, NULL, 0, sizeof(HUB_SEND), HUB_TAG, 0);
    Status = NdisMRegisterMiniportDriver(DriverObject, RegistryPath, NULL, &Characteristics, &DriverHandle);
    if (Status != NDIS_STATUS_SUCCESS) {
        NdisDeleteNPagedLookasideList(&SendLookaside);
        return Status;
    }
    KeInitializeCallbackRecord(Record); /* mingw-w64's macro takes a plain name only */
    KeRegisterBugCheckCallback(Record, HubBugCheck, &BugCheckFrames, sizeof BugCheckFrames, (PUCHAR) "WdkStyleHub");
    ProcessorCount = KeQueryActiveProcessorCountEx(ALL_PROCESSOR_GROUPS);
    Processors =
        (HUB_PROCESSOR *)NdisAllocateMemoryWithTagPriority(DriverHandle, ProcessorCount * sizeof *Processors, HUB_TAG, NormalPoolPriority);
    HubLock = NdisAllocateRWLock(DriverHandle);
    if (Processors == NULL || HubLock == NULL) {
        HubDispose();
        return NDIS_STATUS_RESOURCES;
    }
    HubControlPrepare();
    NdisZeroMemory(Processors, ProcessorCount * sizeof *Processors);
    return Status;
}
