/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* control.c - the control device: opened and closed by anybody, one request, everything else refused. */
#include "hub.h"

static PDEVICE_OBJECT ControlDevice;
static NDIS_HANDLE ControlHandle;
static KGUARDED_MUTEX ControlMutex; /* adapters come and go on several threads */
static ULONG ControlUsers;          /* adapters; ControlMutex */

/* IRP_MJ_CREATE, IRP_MJ_CLEANUP, IRP_MJ_CLOSE, IRP_MJ_SHUTDOWN */
static NTSTATUS NTAPI HubOpenClose(PDEVICE_OBJECT Device, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Device);
    Irp->IoStatus.Status = STATUS_SUCCESS;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

static ULONG HubCount(VOID)
{
    LOCK_STATE_EX LockState;
    PLIST_ENTRY Entry;
    ULONG Count = 0;

    NdisAcquireRWLockRead(HubLock, &LockState, 0);
    for (Entry = Adapters.Flink; Entry != &Adapters; Entry = Entry->Flink) {
        Count++;
    }
    NdisReleaseRWLock(HubLock, &LockState);
    return Count;
}

static NTSTATUS NTAPI HubDeviceControl(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION Location = IoGetCurrentIrpStackLocation(Irp);
    NTSTATUS Status = STATUS_INVALID_DEVICE_REQUEST;

    UNREFERENCED_PARAMETER(Device);
    Irp->IoStatus.Information = 0;
    if (Location->Parameters.DeviceIoControl.IoControlCode == IOCTL_HUB_COUNT) {
        Status = STATUS_BUFFER_TOO_SMALL;
        if (Location->Parameters.DeviceIoControl.OutputBufferLength >= sizeof(ULONG)) {
            *(PULONG)Irp->AssociatedIrp.SystemBuffer = HubCount();
            Irp->IoStatus.Information = sizeof(ULONG);
            Status = STATUS_SUCCESS;
        }
    }
    Irp->IoStatus.Status = Status;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static NDIS_STATUS HubControlCreate(VOID)
{
    static WCHAR DeviceText[] = L"\\Device\\WdkStyleHub", LinkText[] = L"\\DosDevices\\WdkStyleHub";
    static WCHAR SecurityText[] = L"D:P(A;;GA;;;SY)(A;;GA;;;BA)";
    NDIS_DEVICE_OBJECT_ATTRIBUTES Attributes;
    PDRIVER_DISPATCH Dispatch[IRP_MJ_MAXIMUM_FUNCTION + 1];
    UNICODE_STRING Device, Link, Security;
    NDIS_STATUS Status;

    NdisZeroMemory(Dispatch, sizeof Dispatch);
    Dispatch[IRP_MJ_CREATE] = HubOpenClose;
    Dispatch[IRP_MJ_CLEANUP] = HubOpenClose;
    Dispatch[IRP_MJ_CLOSE] = HubOpenClose;
    Dispatch[IRP_MJ_SHUTDOWN] = HubOpenClose;
    Dispatch[IRP_MJ_DEVICE_CONTROL] = HubDeviceControl;
    NdisInitUnicodeString(&Device, DeviceText);
    NdisInitUnicodeString(&Link, LinkText);
    NdisInitUnicodeString(&Security, SecurityText);
    NdisZeroMemory(&Attributes, sizeof Attributes);
    Attributes.Header.Type = NDIS_OBJECT_TYPE_DEVICE_OBJECT_ATTRIBUTES;
    Attributes.Header.Revision = NDIS_DEVICE_OBJECT_ATTRIBUTES_REVISION_1;
    Attributes.Header.Size = NDIS_SIZEOF_DEVICE_OBJECT_ATTRIBUTES_REVISION_1;
    Attributes.DeviceName = &Device;
    Attributes.SymbolicName = &Link;
    Attributes.MajorFunctions = Dispatch;
    Attributes.ExtensionSize = sizeof(ULONG);
    Attributes.DefaultSDDLString = &Security;
    Status = NdisRegisterDeviceEx(DriverHandle, &Attributes, &ControlDevice, &ControlHandle);
    if (Status == NDIS_STATUS_SUCCESS && IoRegisterShutdownNotification(ControlDevice) != STATUS_SUCCESS) {
        NdisDeregisterDeviceEx(ControlHandle);
        Status = NDIS_STATUS_RESOURCES;
    }
    return Status;
}

VOID HubControlPrepare(VOID)
{
    KeInitializeGuardedMutex(&ControlMutex);
}

/* A driver with a device object left is not unloaded: the first adapter brings the device, the last one takes it away. */
NDIS_STATUS HubControlAcquire(VOID)
{
    NDIS_STATUS Status = NDIS_STATUS_SUCCESS;

    KeAcquireGuardedMutex(&ControlMutex);
    if (ControlUsers == 0) {
        Status = HubControlCreate();
    }
    if (Status == NDIS_STATUS_SUCCESS) {
        ControlUsers++;
    }
    KeReleaseGuardedMutex(&ControlMutex);
    return Status;
}

VOID HubControlRelease(VOID)
{
    KeAcquireGuardedMutex(&ControlMutex);
    if (--ControlUsers == 0) {
        IoUnregisterShutdownNotification(ControlDevice);
        NdisDeregisterDeviceEx(ControlHandle);
        ControlHandle = NULL;
    }
    KeReleaseGuardedMutex(&ControlMutex);
}
