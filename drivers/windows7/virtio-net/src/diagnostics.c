/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* diagnostics.c - the diagnostics device: its life, the adapters that answer, and its requests. */
#include "diagnostics.h"
#include "adapter.h"
#include "aero_virtio_net_diag.h"
#include "trace.h"

/* SYSTEM and administrators everything, everybody else reading. */
static const WCHAR SecurityText[] = L"D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GR;;;WD)";

static struct {
    const NDIS_HANDLE *DriverHandle; /* init-only */
    NDIS_SPIN_LOCK Lock;             /* taken last: no other lock while it is held */

    /* guard: Lock */
    PAEROVNET_ADAPTER Oldest;
    BOOLEAN Changing;   /* a thread registers or removes the device; it looks again when it has */
    NDIS_HANDLE Device; /* NULL: not registered */
} Diagnostics;

/* ---- which adapter ---- */

static BOOLEAN HasAddress(PAEROVNET_ADAPTER Adapter, const UCHAR *Mac)
{
    return NdisEqualMemory(Adapter->StationAddress, Mac, ETH_LENGTH_OF_ADDRESS) ||
           NdisEqualMemory(Adapter->Device.Mac, Mac, ETH_LENGTH_OF_ADDRESS);
}

/*
 * The oldest adapter, or with `Mac` the oldest that has it; one whose removal was announced only when there is no other. It stays until
 * its piece of Queries is left. NULL: there is none. IRQL: <= DISPATCH_LEVEL.
 */
static PAEROVNET_ADAPTER HoldAdapter(const UCHAR *Mac)
{
    PAEROVNET_ADAPTER Adapter, Found = NULL;

    NdisAcquireSpinLock(&Diagnostics.Lock);
    for (Adapter = Diagnostics.Oldest; Adapter != NULL; Adapter = Adapter->Diagnosed.Next) {
        if ((Mac == NULL || HasAddress(Adapter, Mac)) && (Found == NULL || (AerovnetIsRemoved(Found) && !AerovnetIsRemoved(Adapter)))) {
            Found = Adapter;
        }
    }
    /* On the list its drain is open. */
    if (Found != NULL && !AerovnetDrainEnter(&Found->Diagnosed.Queries.Drain, 1)) {
        Found = NULL;
    }
    NdisReleaseSpinLock(&Diagnostics.Lock);
    return Found;
}

/* ---- requests ---- */

typedef union _AEROVNET_DIAGNOSTICS_ANSWER {
    AEROVNET_DIAG_INFO Info;
    AEROVNET_OFFLOAD_STATS Offload;
    AEROVNET_DIAG_COUNTERS Counters;
} AEROVNET_DIAGNOSTICS_ANSWER;

/* Fills the answer; returns its length, 0 for a code that is none. `Least` is the shortest output that is accepted. */
static ULONG Answer(PAEROVNET_ADAPTER Adapter, ULONG Code, AEROVNET_DIAGNOSTICS_ANSWER *Filled)
{
    switch (Code) {
    case AEROVNET_DIAG_IOCTL_QUERY:
        AerovnetReportInfo(Adapter, &Filled->Info);
        return sizeof Filled->Info;
    case AEROVNET_DIAG_IOCTL_QUERY_COUNTERS:
        AerovnetReportCounters(Adapter, &Filled->Counters);
        return sizeof Filled->Counters;
    default:
        AerovnetReportOffload(Adapter, &Filled->Offload);
        return sizeof Filled->Offload;
    }
}

/*
 * `Buffer` holds the input, and takes the answer. IRQL: <= DISPATCH_LEVEL.
 */
static NTSTATUS DiagnosticsQuery(ULONG Code, PVOID Buffer, ULONG InputLength, ULONG OutputLength, PULONG_PTR Returned)
{
    ULONG Least = Code == AEROVNET_IOCTL_QUERY_OFFLOAD_STATS ? (ULONG)sizeof(AEROVNET_OFFLOAD_STATS) : AEROVNET_DIAG_MINIMUM;
    AEROVNET_DIAGNOSTICS_ANSWER Filled;
    PAEROVNET_ADAPTER Adapter;
    ULONG Length;

    *Returned = 0;
    if (Code != AEROVNET_DIAG_IOCTL_QUERY && Code != AEROVNET_DIAG_IOCTL_QUERY_COUNTERS && Code != AEROVNET_IOCTL_QUERY_OFFLOAD_STATS) {
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    Adapter = HoldAdapter(InputLength == ETH_LENGTH_OF_ADDRESS ? (const UCHAR *)Buffer : NULL);
    if (Adapter == NULL) {
        return STATUS_DEVICE_NOT_READY;
    }
    if (OutputLength < Least) {
        AerovnetDrainLeave(&Adapter->Diagnosed.Queries.Drain, 1);
        *Returned = Least;
        return STATUS_BUFFER_TOO_SMALL;
    }
    NdisZeroMemory(&Filled, sizeof Filled);
    Length = Answer(Adapter, Code, &Filled);
    AerovnetDrainLeave(&Adapter->Diagnosed.Queries.Drain, 1);
    if (Length > OutputLength) {
        Length = OutputLength;
    }
    NdisMoveMemory(Buffer, &Filled, Length);
    *Returned = Length;
    return STATUS_SUCCESS;
}

static NTSTATUS Complete(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/* IRP_MJ_CREATE, IRP_MJ_CLEANUP, IRP_MJ_CLOSE: a handle has no state. */
static NTSTATUS NTAPI DispatchOpenClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return Complete(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS NTAPI DispatchOther(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return Complete(Irp, STATUS_INVALID_DEVICE_REQUEST, 0);
}

/* IRP_MJ_DEVICE_CONTROL, also through a handle that has outlived the registration. */
static NTSTATUS NTAPI DispatchDeviceControl(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    /* IoGetCurrentIrpStackLocation() without its assertion, which would be one more import of DBG builds. */
    PIO_STACK_LOCATION Location = Irp->Tail.Overlay.CurrentStackLocation;
    ULONG_PTR Returned;
    NTSTATUS Status;

    UNREFERENCED_PARAMETER(DeviceObject);
    Status = DiagnosticsQuery(Location->Parameters.DeviceIoControl.IoControlCode, Irp->AssociatedIrp.SystemBuffer,
                              Location->Parameters.DeviceIoControl.InputBufferLength,
                              Location->Parameters.DeviceIoControl.OutputBufferLength, &Returned);
    return Complete(Irp, Status, Returned);
}

/* ---- the device object ---- */

static VOID NameString(PUNICODE_STRING String, PCWSTR Text)
{
    USHORT Length = 0;

    while (Text[Length] != 0) {
        Length++;
    }
    String->Buffer = (PWSTR)(ULONG_PTR)Text;
    String->Length = (USHORT)(Length * sizeof *Text);
    String->MaximumLength = (USHORT)(String->Length + sizeof *Text);
}

/* NULL: it cannot be had, which is not fatal. IRQL: PASSIVE_LEVEL. */
static NDIS_HANDLE RegisterDevice(VOID)
{
    NDIS_DEVICE_OBJECT_ATTRIBUTES Attributes;
    PDRIVER_DISPATCH Dispatch[IRP_MJ_MAXIMUM_FUNCTION + 1];
    UNICODE_STRING Name, Link, Security;
    PDEVICE_OBJECT Object;
    NDIS_HANDLE Device = NULL;
    NDIS_STATUS Status;
    ULONG Major;

    for (Major = 0; Major <= IRP_MJ_MAXIMUM_FUNCTION; Major++) {
        Dispatch[Major] = DispatchOther;
    }
    Dispatch[IRP_MJ_CREATE] = DispatchOpenClose;
    Dispatch[IRP_MJ_CLEANUP] = DispatchOpenClose;
    Dispatch[IRP_MJ_CLOSE] = DispatchOpenClose;
    Dispatch[IRP_MJ_DEVICE_CONTROL] = DispatchDeviceControl;
    Dispatch[IRP_MJ_PNP] = NULL; /* DEV-03 */
    Dispatch[IRP_MJ_POWER] = NULL;
    NameString(&Name, AerovnetPersonality.DiagnosticsDevice);
    NameString(&Link, AerovnetPersonality.DiagnosticsLink);
    NameString(&Security, SecurityText);
    NdisZeroMemory(&Attributes, sizeof Attributes);
    Attributes.Header.Type = NDIS_OBJECT_TYPE_DEVICE_OBJECT_ATTRIBUTES;
    Attributes.Header.Revision = NDIS_DEVICE_OBJECT_ATTRIBUTES_REVISION_1;
    Attributes.Header.Size = NDIS_SIZEOF_DEVICE_OBJECT_ATTRIBUTES_REVISION_1;
    Attributes.DeviceName = &Name;
    Attributes.SymbolicName = &Link;
    Attributes.MajorFunctions = Dispatch;
    Attributes.DefaultSDDLString = &Security;
    Status = NdisRegisterDeviceEx(*Diagnostics.DriverHandle, &Attributes, &Object, &Device);
    AEROVNET_TRACE(("diagnostics device: 0x%08x", (unsigned)Status));
    return Status == NDIS_STATUS_SUCCESS ? Device : NULL;
}

/*
 * Makes the device exist exactly when there are adapters. Adapters come and go on several threads: one of them does what is to be done,
 * and looks again afterwards; the others leave it to that one, and nobody waits. IRQL: PASSIVE_LEVEL.
 */
static VOID DeviceFollow(VOID)
{
    NDIS_HANDLE Device = NULL;
    BOOLEAN Wanted, Mine = FALSE, Failed = FALSE;

    for (;;) {
        NdisAcquireSpinLock(&Diagnostics.Lock);
        if (Mine) {
            Diagnostics.Device = Device;
            Diagnostics.Changing = FALSE;
        }
        Device = Diagnostics.Device;
        Wanted = Diagnostics.Oldest != NULL;
        Mine = !Diagnostics.Changing && Wanted != (Device != NULL) && !Failed;
        if (Mine) {
            Diagnostics.Changing = TRUE;
        }
        NdisReleaseSpinLock(&Diagnostics.Lock);
        if (!Mine) {
            break;
        }
        if (Wanted) {
            Device = RegisterDevice();
            Failed = Device == NULL; /* the next adapter that comes tries again */
        } else {
            NdisDeregisterDeviceEx(Device);
            Device = NULL;
        }
    }
}

/* ---- adapters ---- */

VOID AerovnetDiagnosticsInitialize(const NDIS_HANDLE *DriverHandle)
{
    NdisAllocateSpinLock(&Diagnostics.Lock);
    Diagnostics.DriverHandle = DriverHandle;
}

NDIS_STATUS AerovnetDiagnosticsAttach(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_ADAPTER *Place = &Diagnostics.Oldest;

    if (AerovnetPersonality.DiagnosticsDevice == NULL) {
        return NDIS_STATUS_SUCCESS;
    }
    AerovnetWaitedDrainInitialize(&Adapter->Diagnosed.Queries);
    NdisAcquireSpinLock(&Diagnostics.Lock);
    while (*Place != NULL) {
        Place = &(*Place)->Diagnosed.Next;
    }
    *Place = Adapter;
    NdisReleaseSpinLock(&Diagnostics.Lock);
    DeviceFollow();
    return NDIS_STATUS_SUCCESS;
}

VOID AerovnetDiagnosticsDetach(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_ADAPTER *Place = &Diagnostics.Oldest;

    if (AerovnetPersonality.DiagnosticsDevice == NULL) {
        return;
    }
    NdisAcquireSpinLock(&Diagnostics.Lock);
    while (*Place != Adapter) {
        Place = &(*Place)->Diagnosed.Next;
    }
    *Place = Adapter->Diagnosed.Next;
    NdisReleaseSpinLock(&Diagnostics.Lock);
    AerovnetDrainStop(&Adapter->Diagnosed.Queries.Drain);
    AerovnetWaitedDrainWait(&Adapter->Diagnosed.Queries);
    DeviceFollow();
}
